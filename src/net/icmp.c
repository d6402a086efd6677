#include "net/icmp.h"

#include "base/checksum.h"
#include "net/icmp4.h"
#include "net/icmp6.h"
#include "net/internet_state.h"
#include "wire/icmp.h"
#include "wire/icmp6.h"
#include "wire/icmp_error.h"
#include "wire/ip6.h"
#include "wire/udp.h"

#define ERRORS_AT_ONCE        50        /* Linux's icmp_msgs_burst */
#define ERRORS_TO_ONE         PB_SEC(1) /* Linux's icmp_ratelimit */
#define ERRORS_TO_ONE_AT_ONCE 6         /* Linux's XRLIM_BURST_FACTOR */

bool pb_icmp_admit(struct internet *net, const struct iface *i, const struct ip *to)
{
	size_t account = pb_siphash13(&net->key, to->bytes, sizeof to->bytes) % ERROR_ACCOUNTS;
	pb_time now = env_now(net->env);

	if (i->loopback)
		return true;
	if (bucket_take(&net->errors_to[account], now, ERRORS_TO_ONE, ERRORS_TO_ONE_AT_ONCE) &&
	    bucket_take(&net->errors, now, PB_SEC(1) / net->limits.errors_per_second, ERRORS_AT_ONCE))
		return true;
	net->env->counters.icmp.OutRateLimited++;
	return false;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static const struct icmp_counted *counted_as(const struct icmp_version *v, uint8_t type)
{
	for (size_t i = 0; i < v->kinds; i++)
		if (v->counted[i].type == type)
			return &v->counted[i];
	return NULL;
}

static void count(struct internet *net, size_t counter)
{
	if (counter)
		++*(uint64_t *)((char *)&net->env->counters + counter);
}

/* RFC 4443 §2.3; RFC 792 knows no pseudo-header. */
static uint64_t pseudo(const struct icmp_version *v, const struct ip *src, const struct ip *dst, size_t len)
{
	return v->protocol == IPPROTO_ICMPV6 ? pb_ip_pseudo(src, dst, v->protocol, (uint32_t)len) : 0;
}

static bool is_intact(struct internet *net, const struct icmp_version *v, const struct ip_packet *p)
{
	const struct pb_buf *b = p->buf;

	if (b->total < 4 || b->len < 4)
		return false;
	if (b->checksum != PB_CHECKSUM_UNKNOWN ||
	    pb_checksum_finish(pb_checksum_add_packet(pseudo(v, &p->src, &p->dst, b->total), b, 0)) == 0)
		return true;
	net->env->counters.icmp.InCsumErrors++;
	return false;
}

bool pb_icmp_take(struct internet *net, const struct icmp_version *v, struct ip_packet *p, uint8_t *type)
{
	net->env->counters.icmp.InMsgs++;
	if (!is_intact(net, v, p)) {
		net->env->counters.icmp.InErrors++;
		pb_buf_free(p->buf);
		return false;
	}
	*type = p->buf->data[0];
	const struct icmp_counted *as = counted_as(v, *type);
	count(net, as ? as->in : 0);
	return true;
}

void pb_icmp_send(struct internet *net, const struct icmp_version *v, const struct ip *src,
		  const struct ip *dst, unsigned bound, uint8_t tos, struct pb_buf *b)
{
	struct ip_path path;
	struct ip_send how = { .protocol = v->protocol, .tos = tos };
	const struct icmp_counted *as = counted_as(v, b->data[0]);

	if (pb_ip_path(net, &path, src, dst, bound) < 0) {
		net->env->counters.icmp.OutErrors++;
		pb_buf_free(b);
		return;
	}
	uint64_t sum = pb_checksum_add_packet(pseudo(v, &path.src, &path.dst, b->total), b, 0);
	put16(b->data + PB_ICMP_CHECKSUM_AT, pb_checksum_finish(sum));
	if (pb_ip_send(net, &path, &how, b) < 0) {
		net->env->counters.icmp.OutErrors++;
		return;
	}
	net->env->counters.icmp.OutMsgs++;
	count(net, as ? as->out : 0);
}

/* What is quoted is as it would be on a wire: a checksum that was left to a device is completed. */
static void complete_quoted(const struct pb_buf *b, size_t skip, uint8_t *quoted, size_t len)
{
	size_t start = (size_t)(b->transport - b->data), at = start - skip + b->checksum_offset;

	if (start < skip || start > b->total || at + 2 > len)
		return;
	uint16_t sum = pb_checksum_finish(pb_checksum_add_packet(0, b, start));
	if (sum == 0 && b->checksum_offset == UDP_CHECKSUM_AT)
		sum = 0xffff; /* RFC 768: 0 would say that there is none */
	put16(quoted + at, sum);
}

struct pb_buf *pb_icmp_quote(struct env *env, const uint8_t error[ICMP_QUOTE_AT], size_t most,
			     const struct ip_packet *p, size_t skip)
{
	size_t room = most - ICMP_QUOTE_AT, payload = p->buf->total - skip;
	size_t header = p->header_len < room ? p->header_len : room;
	size_t len = payload < room - header ? payload : room - header;
	struct pb_buf *b = pb_buf_new(env->pool, IP_HEADROOM, ICMP_QUOTE_AT + header + len);

	if (!b)
		return NULL;
	memcpy(pb_buf_extend(b, ICMP_QUOTE_AT), error, ICMP_QUOTE_AT);
	memcpy(pb_buf_extend(b, header), p->header, header);
	uint8_t *quoted = pb_buf_extend(b, len);
	pb_buf_copy(p->buf, skip, quoted, len);
	if (p->buf->checksum == PB_CHECKSUM_WANTED)
		complete_quoted(p->buf, skip, quoted, len);
	return b;
}

struct pb_buf *pb_icmp_echo_reply(struct env *env, const struct icmp_version *v, struct pb_buf *request)
{
	if (request->total < PB_ICMP_ECHO_LEN)
		return NULL;
	struct pb_buf *b = pb_buf_new(env->pool, IP_HEADROOM, PB_ICMP_ECHO_LEN);
	size_t data = request->total - PB_ICMP_ECHO_LEN;
	struct pb_buf *rest = b && data ? pb_buf_slice(request, PB_ICMP_ECHO_LEN, data) : NULL;
	if (!b || (data && !rest)) {
		pb_buf_free(b);
		return NULL;
	}
	uint8_t *header = pb_buf_extend(b, PB_ICMP_ECHO_LEN);
	memcpy(header, request->data, PB_ICMP_ECHO_LEN);
	header[0] = v->echo_reply;
	put16(header + PB_ICMP_CHECKSUM_AT, 0);
	if (rest)
		pb_buf_append(b, rest);
	return b;
}

void pb_icmp_tell_ourselves(struct internet *net, struct pb_buf *b)
{
	if (b->data[0] >> 4 == 4)
		pb_icmp4_tell_ourselves(net, b);
	else
		pb_icmp6_tell_ourselves(net, b);
}

void pb_icmp_port_unreachable(struct internet *net, const struct ip_packet *p)
{
	if (ip_is4(&p->dst))
		pb_icmp4_unreachable(net, p, ICMP4_PORT);
	else
		pb_icmp6_tell(net, p, &(struct icmp6_error){ .type = ICMP6_UNREACHABLE, .code = ICMP6_PORT });
}

/* IPv6 calls it a next header that is not known (RFC 8200 §4), and points to the field that says so. */
void pb_icmp_protocol_unreachable(struct internet *net, const struct ip_packet *p)
{
	struct ip6_chain chain;

	if (ip_is4(&p->dst))
		pb_icmp4_unreachable(net, p, ICMP4_PROTOCOL);
	else if (pb_ip6_walk(&chain, p->header, p->header_len) == IP6_IS_WELL)
		pb_icmp6_tell(net, p,
			      &(struct icmp6_error){ .type = ICMP6_PARAMETER_PROBLEM,
						     .code = ICMP6_UNKNOWN_HEADER,
						     .value = chain.protocol_at });
}
