#include "cli/ping_report.h"

#include <jansson.h>
#include <linux/errqueue.h>
#include <math.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

/* Write an event on a line of its own, at once, and give it back. */
static void dump(json_t *event)
{
	json_dumpf(event, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	putchar('\n');
	fflush(stdout);
	json_decref(event);
}

void ping_report_begin(struct ping_report *r, const char *host, const union pb_addr *peer, size_t size,
		       bool json)
{
	char text[PB_ADDR_TEXT];

	r->host = host;
	r->json = json;
	pb_addr_host(peer, text);
	if (json)
		dump(json_pack("{ss ss ss sI}", "event", "begin", "host", host, "address", text, "bytes",
			       (json_int_t)size));
	else
		printf("PING %s (%s), %zu bytes of data\n", host, text, size);
	fflush(stdout);
}

static void count(struct ping_report *r, const struct ping_reply *reply, double ms)
{
	r->late += reply->late;
	if (reply->duplicate) {
		r->duplicates++;
		return;
	}
	r->min = r->received == 0 || ms < r->min ? ms : r->min;
	r->max = ms > r->max ? ms : r->max;
	r->sum += ms;
	r->squares += ms * ms;
	r->received++;
}

void ping_report_reply(struct ping_report *r, const struct ping_reply *reply)
{
	double ms = (double)reply->took / 1e6;
	char from[PB_ADDR_TEXT], ttl[16] = "";

	count(r, reply, ms);
	pb_addr_host(reply->from, from);
	if (r->json) {
		dump(json_pack("{ss ss sI sI si sf sb sb}", "event", "reply", "from", from, "seq",
			       (json_int_t)reply->number, "bytes", (json_int_t)reply->bytes, "ttl",
			       reply->ttl, "time_ms", ms, "duplicate", reply->duplicate, "late",
			       reply->late));
		return;
	}
	if (reply->ttl >= 0)
		snprintf(ttl, sizeof ttl, " ttl=%d", reply->ttl);
	printf("%zu bytes from %s: seq=%llu%s time=%.3f ms%s%s\n", reply->bytes, from,
	       (unsigned long long)reply->number, ttl, ms, reply->duplicate ? " (duplicate)" : "",
	       reply->late ? " (late)" : "");
	fflush(stdout);
}

/* What an ICMP error says, where its type and code say more than the errno that the kernel makes of them. */
static const char *meaning(const struct sock_extended_err *ee)
{
	if (ee->ee_origin == SO_EE_ORIGIN_ICMP && ee->ee_type == ICMP_TIME_EXCEEDED)
		return "time to live exceeded";
	if (ee->ee_origin == SO_EE_ORIGIN_ICMP && ee->ee_type == ICMP_UNREACH &&
	    ee->ee_code == ICMP_UNREACH_FILTER_PROHIB)
		return "forbidden by a filter";
	if (ee->ee_origin == SO_EE_ORIGIN_ICMP6 && ee->ee_type == ICMP6_TIME_EXCEEDED)
		return "hop limit exceeded";
	if (ee->ee_origin == SO_EE_ORIGIN_ICMP6 && ee->ee_type == ICMP6_DST_UNREACH &&
	    ee->ee_code == ICMP6_DST_UNREACH_ADMIN)
		return "forbidden by a filter";
	return strerror((int)ee->ee_errno);
}

static void tell_error(struct ping_report *r, const char *from, uint64_t number, const char *why)
{
	r->errors++;
	if (r->json)
		dump(json_pack("{ss ss* sI ss}", "event", "error", "from", from, "seq", (json_int_t)number,
			       "error", why));
	else
		printf("%s%s: seq=%llu %s\n", from ? "from " : "not sent", from ? from : "",
		       (unsigned long long)number, why);
	fflush(stdout);
}

void ping_report_error(struct ping_report *r, const union pb_addr *from, uint64_t number,
		       const struct sock_extended_err *ee)
{
	char text[PB_ADDR_TEXT];

	tell_error(r, pb_addr_host(from, text), number, meaning(ee));
}

void ping_report_send_error(struct ping_report *r, uint64_t number, int err)
{
	tell_error(r, NULL, number, strerror(-err));
}

void ping_report_end(const struct ping_report *r)
{
	double n = (double)r->received, average = n > 0 ? r->sum / n : 0;
	double variance = n > 0 ? r->squares / n - average * average : 0;
	double deviation = variance > 0 ? sqrt(variance) : 0; /* rounding may leave a little less than none */
	double loss = r->sent ? 100.0 * (double)(r->sent - r->received) / (double)r->sent : 0;

	if (r->json) {
		json_t *event =
			json_pack("{ss ss sI sI sI sI sI sf}", "event", "statistics", "host", r->host, "sent",
				  (json_int_t)r->sent, "received", (json_int_t)r->received, "duplicates",
				  (json_int_t)r->duplicates, "late", (json_int_t)r->late, "errors",
				  (json_int_t)r->errors, "loss_percent", loss);
		if (r->received)
			json_object_set_new(event, "time_ms",
					    json_pack("{sf sf sf sf}", "min", r->min, "avg", average, "max",
						      r->max, "mdev", deviation));
		dump(event);
		return;
	}
	printf("\n%s: %llu sent, %llu received, %.3g%% lost", r->host, (unsigned long long)r->sent,
	       (unsigned long long)r->received, loss);
	if (r->duplicates)
		printf(", %llu duplicates", (unsigned long long)r->duplicates);
	if (r->late)
		printf(", %llu late", (unsigned long long)r->late);
	if (r->errors)
		printf(", %llu errors", (unsigned long long)r->errors);
	putchar('\n');
	if (r->received)
		printf("round trip: min %.3f, avg %.3f, max %.3f, mdev %.3f ms\n", r->min, average, r->max,
		       deviation);
}
