/*
 * packetboat ping: ICMP echo requests, and what comes back (RFC 792, RFC 4443).
 *
 * The kernel's ping sockets (SOCK_DGRAM, IPPROTO_ICMP) need no privilege where net.ipv4.ping_group_range allows them,
 * and choose the identifier; a raw socket is the fallback, where we choose it and sort out other people's answers. ICMP
 * errors arrive on the socket's error queue (IP_RECVERR, ip(7)) with the address of who sent them and our request.
 */
#include "base/list.h"
#include "cli/command.h"
#include "cli/net.h"
#include "cli/net_auto.h"
#include "cli/ping_report.h"
#include "client/resolve.h"
#include "wire/icmp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <packetboat/loop.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	SIZE_DEFAULT = 56,
	SIZE_MAX_DATA = 65507, /* 65535 less an IPv4 and an ICMP header */
	MESSAGE_MAX = 65536 + 60,
	PROBES = 8192, /* remembered: an answer to an older one is taken for somebody else's */
};

enum { OPT_JSON = 256, OPT_NET, OPT_CAPTURE };

/* A request that was sent. */
struct probe {
	uint64_t number; /* from 1; its low 16 bits are the sequence number. 0: none yet */
	pb_time at;
	bool answered;
};

struct ping {
	const struct command *command;
	/* What the command line says. */
	const char *host, *net_spec, *capture;
	int family;
	long count, size, ttl; /* 0: no limit, -, the system's */
	pb_time interval, deadline, patience;
	bool json;
	/* What happens. */
	struct pb_net *net;
	struct pb_loop *loop;
	struct resolver *resolver;
	struct resolver_query *query;
	union pb_addr peer;
	bool raw;
	uint16_t id; /* raw sockets only */
	struct pb_watch socket, signals;
	struct pb_timer next, over;
	pb_time began;
	struct ping_report report;
	int code, unreachable; /* unreachable: the last error a router or the peer told us, as errno */
	struct probe probes[PROBES];
	uint8_t message[MESSAGE_MAX];
};

static const struct cli_option ping_options[] = {
	{'c',        "count", "N", "stop after N requests (0: go on until interrupted)", 'c' },
	{ 'i',       "interval", "SECONDS", "time between two requests (1)", 'i' },
	{ 'w',       "deadline", "SECONDS", "stop after this time, whatever has come", 'w' },
	{ 'W',       "wait", "SECONDS", "an answer that takes longer is late; how long to wait for the last (2)",
         'W' },
	{ 's', "size", "BYTES", "data in each request, besides the header's 8 (56)", 's' },
	{ 't',       "ttl", "N", "time to live: how many routers a request may pass", 't' },
	{ '4',       NULL, NULL, "IPv4 only", '4' },
	{ '6', NULL, NULL, "IPv6 only", '6' },
	{ 0,       "json", NULL, "a JSON object on a line for each event", OPT_JSON },
	{ 0,       "net", "NET", NET_OPTION_HELP, OPT_NET },
	{ 0, "capture", "FILE", CAPTURE_OPTION_HELP, OPT_CAPTURE },
	{ 0       },
};

static bool is_v6(const struct ping *p)
{
	return p->peer.sa.sa_family == AF_INET6;
}

static void end(struct ping *p, int code)
{
	p->code = code;
	pb_loop_stop(p->loop);
}

/* Which request an identifier and sequence number are about. NULL: none of ours, or forgotten. */
static struct probe *probe_of(struct ping *p, const struct pb_icmp_echo *e)
{
	uint64_t last = p->report.sent, number = last - (uint16_t)(last - e->seq);
	struct probe *probe = &p->probes[number % PROBES];

	if (number == 0 || number > last || probe->number != number || (p->raw && e->id != p->id))
		return NULL;
	return probe;
}

/* Receiving ------------------------------------------------------------------------------------------------------ */

static int number_in(const struct cmsghdr *c)
{
	int n;

	memcpy(&n, CMSG_DATA(c), sizeof n);
	return n;
}

static int ttl_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT))
			return number_in(c);
	return -1;
}

/* A raw IPv4 socket shows the IP header, too: how long it is. */
static size_t header_len(const struct ping *p, size_t len)
{
	size_t n = p->raw && !is_v6(p) && len > 0 ? (size_t)(p->message[0] & 15) * 4 : 0;

	return n < len ? n : len;
}

static void take_answer(struct ping *p, size_t len, const union pb_addr *from, int ttl)
{
	size_t skip = header_len(p, len);
	struct pb_icmp_echo e;

	if (!pb_icmp_echo_parse(&e, p->message + skip, len - skip) ||
	    e.type != (is_v6(p) ? PB_ICMP6_ECHO_REPLY : PB_ICMP4_ECHO_REPLY))
		return;
	struct probe *probe = probe_of(p, &e);
	if (!probe)
		return;
	pb_time took = pb_loop_now(p->loop) - probe->at;
	ping_report_reply(&p->report, &(struct ping_reply){ .from = from,
							    .bytes = len - skip,
							    .number = probe->number,
							    .ttl = ttl,
							    .took = took,
							    .duplicate = probe->answered,
							    .late = took > p->patience });
	probe->answered = true;
}

static void take_error(struct ping *p, const struct sock_extended_err *ee, size_t len)
{
	union pb_addr from = { 0 };
	struct pb_icmp_echo e;

	if (ee->ee_origin == SO_EE_ORIGIN_ICMP || ee->ee_origin == SO_EE_ORIGIN_ICMP6)
		memcpy(&from, SO_EE_OFFENDER(ee),
		       ee->ee_origin == SO_EE_ORIGIN_ICMP ? sizeof from.v4 : sizeof from.v6);
	else
		from = p->peer;
	/* It carries our request, perhaps cut short; on a raw socket it may be somebody else's. */
	if (!pb_icmp_echo_parse(&e, p->message, len))
		return;
	const struct probe *probe = probe_of(p, &e);
	if (!probe)
		return;
	p->unreachable = (int)ee->ee_errno;
	ping_report_error(&p->report, &from, probe->number, ee);
}

/* Returns whether there was one. */
static bool receive_error(struct ping *p)
{
	union {
		struct cmsghdr align;
		char room[512];
	} control;
	struct iovec v = { .iov_base = p->message, .iov_len = sizeof p->message };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	ssize_t n = pb_recvmsg(p->socket.socket, &m, MSG_ERRQUEUE);

	if (n < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			take_error(p, (const struct sock_extended_err *)CMSG_DATA(c), (size_t)n);
	return true;
}

/* Returns whether there was anything. */
static bool receive(struct ping *p)
{
	union {
		struct cmsghdr align;
		char room[256];
	} control;
	union pb_addr from = { 0 };
	struct iovec v = { .iov_base = p->message, .iov_len = sizeof p->message };
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof from,
			    .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof control };
	ssize_t n = pb_recvmsg(p->socket.socket, &m, 0);

	if (n >= 0)
		take_answer(p, (size_t)n, &from, ttl_of(&m));
	return n != -EAGAIN; /* a pending error is told in detail by the error queue */
}

static bool all_answered(const struct ping *p)
{
	return p->count && p->report.sent == (uint64_t)p->count &&
	       p->report.received + p->report.errors >= (uint64_t)p->count;
}

static void on_socket(struct pb_watch *w, int ready)
{
	struct ping *p = container_of(w, struct ping, socket);

	(void)ready;
	/* A flood must not keep the timers waiting: what is left comes next turn. */
	for (int i = 0; i < 64 && receive(p); i++)
		;
	while (receive_error(p))
		;
	if (all_answered(p))
		end(p, EXIT_DONE);
}

/* Sending -------------------------------------------------------------------------------------------------------- */

static size_t make_request(struct ping *p, uint64_t number)
{
	static uint8_t data[SIZE_MAX_DATA];
	struct pb_icmp_echo e = { .type = is_v6(p) ? PB_ICMP6_ECHO_REQUEST : PB_ICMP4_ECHO_REQUEST,
				  .id = p->id,
				  .seq = (uint16_t)number,
				  .data = data,
				  .data_len = (size_t)p->size };

	for (size_t i = 0; i < e.data_len; i++)
		data[i] = (uint8_t)i; /* so that damage and truncation show in a capture */
	size_t len = pb_icmp_echo_write(&e, p->message, sizeof p->message);
	if (!is_v6(p)) /* the kernel knows the pseudo-header, and seals (RFC 3542 3.1) */
		pb_icmp_seal(p->message, len, 0);
	return len;
}

static void send_next(struct ping *p)
{
	uint64_t number = ++p->report.sent;
	size_t len = make_request(p, number);

	p->probes[number % PROBES] = (struct probe){ .number = number, .at = pb_loop_now(p->loop) };
	ssize_t n = pb_send(p->socket.socket, p->message, len, 0);
	if (n < 0 && n != -EAGAIN) {
		while (receive_error(
			p)) /* an earlier request's error may be what we were told: see, and try again */
			;
		make_request(p, number);
		n = pb_send(p->socket.socket, p->message, len, 0);
	}
	if (n < 0) {
		p->unreachable = (int)-n;
		ping_report_send_error(&p->report, number, (int)n);
	}
}

static void on_over(struct pb_timer *t)
{
	end(container_of(t, struct ping, over), EXIT_DONE);
}

static void on_next(struct pb_timer *t)
{
	struct ping *p = container_of(t, struct ping, next);
	pb_time now = pb_loop_now(p->loop);

	send_next(p);
	if (!p->count || p->report.sent < (uint64_t)p->count) {
		pb_timer_set(p->loop, t, now + p->interval);
	} else if (all_answered(p)) {
		end(p, EXIT_DONE);
	} else if (p->deadline == PB_NEVER || now + p->patience < p->began + p->deadline) {
		p->over.fn = on_over;
		pb_timer_set(p->loop, &p->over, now + p->patience);
	}
}

/* Beginning ------------------------------------------------------------------------------------------------------ */

static int open_socket(struct ping *p, struct pb_socket **s)
{
	int family = p->peer.sa.sa_family, protocol = is_v6(p) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int err = pb_socket_open(p->net, family, SOCK_DGRAM, protocol, s);

	if (err != -EACCES && err != -EPERM)
		return err;
	p->raw = true;
	if (getrandom(&p->id, sizeof p->id, GRND_NONBLOCK) != sizeof p->id)
		p->id = (uint16_t)getpid();
	return pb_socket_open(p->net, family, SOCK_RAW, protocol, s);
}

/* A raw socket would be given all ICMP of the host. What fails here costs time only: answers are sorted anyway. */
static void filter_raw(const struct ping *p, struct pb_socket *s)
{
	struct icmp_filter v4 = { .data = ~(1u << ICMP_ECHOREPLY) };
	struct icmp6_filter v6;

	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	if (is_v6(p))
		pb_setsockopt(s, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof v6);
	else
		pb_setsockopt(s, SOL_RAW, ICMP_FILTER, &v4, sizeof v4);
}

static int set_options(const struct ping *p, struct pb_socket *s)
{
	int level = is_v6(p) ? IPPROTO_IPV6 : IPPROTO_IP, on = 1, ttl = (int)p->ttl;
	int err = pb_setsockopt(s, level, is_v6(p) ? IPV6_RECVERR : IP_RECVERR, &on, sizeof on);

	if (!err)
		err = pb_setsockopt(s, level, is_v6(p) ? IPV6_RECVHOPLIMIT : IP_RECVTTL, &on, sizeof on);
	if (!err && ttl)
		err = pb_setsockopt(s, level, is_v6(p) ? IPV6_UNICAST_HOPS : IP_TTL, &ttl, sizeof ttl);
	if (p->raw)
		filter_raw(p, s);
	return err;
}

static void begin(struct ping *p)
{
	char text[PB_ADDR_TEXT];
	struct pb_socket *s;
	int err = open_socket(p, &s);

	if (err == -EACCES || err == -EPERM) {
		end(p, command_fail(p->command, EXIT_ADDRESS,
				    "cannot send ICMP: %s; run as root, or allow everybody's group with "
				    "'sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"'",
				    strerror(-err)));
		return;
	}
	if (!err) {
		err = set_options(p, s);
		if (!err)
			err = pb_connect(s, &p->peer.sa, pb_addr_len(&p->peer));
		if (!err)
			err = pb_watch_socket(p->loop, &p->socket, s, POLLIN, on_socket);
		if (err)
			pb_close(s);
	}
	if (err) {
		p->socket.socket = NULL;
		end(p, command_fail(p->command, exit_code_of(err), "cannot reach %s (%s): %s", p->host,
				    pb_addr_host(&p->peer, text), strerror(-err)));
		return;
	}
	p->began = pb_loop_now(p->loop);
	ping_report_begin(&p->report, p->host, &p->peer, (size_t)p->size, p->json);
	p->next.fn = on_next;
	p->over.fn = on_over;
	pb_timer_set(p->loop, &p->next, p->began);
	if (p->deadline != PB_NEVER)
		pb_timer_set(p->loop, &p->over, p->began + p->deadline);
}

static void on_resolved(void *arg, int err, const char *why, const union pb_addr *addrs, size_t count)
{
	struct ping *p = arg;

	(void)count;
	p->query = NULL;
	if (err) {
		end(p, command_fail(p->command, exit_code_of(err), "cannot look up %s: %s", p->host, why));
		return;
	}
	p->peer = addrs[0];
	begin(p);
}

static void on_signal(struct pb_watch *w, int ready)
{
	struct signalfd_siginfo info;

	(void)ready;
	if (read(w->fd, &info, sizeof info) == sizeof info)
		end(container_of(w, struct ping, signals), EXIT_DONE);
}

/* Ctrl-C ends the pinging, not the program: the statistics are still to come. */
static int watch_signals(struct ping *p)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	int err = pb_watch_fd(p->loop, &p->signals, fd, POLLIN, on_signal);
	if (err < 0)
		close(fd);
	return err;
}

/* What it all comes to: one answer is success; otherwise why there was none, as far as somebody said. */
static int conclude(const struct ping *p)
{
	if (p->code != EXIT_DONE || !p->began)
		return p->code;
	if (p->report.received)
		return EXIT_DONE;
	return p->unreachable ? (int)exit_code_of(p->unreachable) : EXIT_TIMED_OUT;
}

static int ping_all(struct ping *p)
{
	int err = watch_signals(p);

	if (err < 0)
		return command_fail(p->command, EXIT_FAILED, "cannot watch for signals: %s", strerror(-err));
	p->query = resolver_lookup(p->resolver, p->host, p->family, p->deadline, on_resolved, p);
	err = p->query ? pb_loop_run(p->loop) : -ENOMEM;
	if (p->query)
		resolver_cancel(p->query);
	pb_timer_stop(p->loop, &p->next);
	pb_timer_stop(p->loop, &p->over);
	pb_watch_close(&p->socket);
	pb_watch_stop(&p->signals);
	close(p->signals.fd);
	if (err < 0)
		return command_fail(p->command, EXIT_FAILED, "cannot go on: %s", strerror(-err));
	if (p->began)
		ping_report_end(&p->report);
	return conclude(p);
}

static int ping_on_net(struct ping *p)
{
	int code = net_open(p->command, p->net_spec, p->capture, &p->net);
	int err;

	if (code != EXIT_DONE)
		return code;
	err = pb_loop_new(&p->loop);
	if (!err)
		err = pb_loop_add_net(p->loop, p->net);
	if (!err)
		err = resolver_new(p->loop, p->net, &p->resolver);
	if (!err)
		net_auto_keep(p->loop);
	code = err ? command_fail(p->command, EXIT_FAILED, "cannot start: %s", strerror(-err)) : ping_all(p);
	net_auto_keep(NULL);
	resolver_free(p->resolver);
	pb_loop_free(p->loop);
	net_close(p->command, p->net);
	return code;
}

static bool take_seconds(const struct options *o, const char *what, double min, pb_time *t)
{
	long long ns;

	if (!option_seconds(o, what, min, 1e6, &ns))
		return false;
	*t = ns;
	return true;
}

/* False: it has been said what is wrong. */
static bool take_option(struct ping *p, const struct options *o, int id)
{
	switch (id) {
	case 'c':
		return option_number(o, "--count", 0, 1000000000, &p->count);
	case 'i':
		return take_seconds(o, "--interval", 0.002, &p->interval);
	case 'w':
		return take_seconds(o, "--deadline", 0.001, &p->deadline);
	case 'W':
		return take_seconds(o, "--wait", 0.001, &p->patience);
	case 's':
		return option_number(o, "--size", 0, SIZE_MAX_DATA, &p->size);
	case 't':
		return option_number(o, "--ttl", 1, 255, &p->ttl);
	case '4':
	case '6':
		p->family = id == '4' ? AF_INET : AF_INET6;
		return true;
	case OPT_JSON:
		p->json = true;
		return true;
	case OPT_CAPTURE:
		p->capture = o->value;
		return true;
	default: /* OPT_NET: options_next() answers nothing that is not in the table */
		p->net_spec = o->value;
		return true;
	}
}

static int ping_run(const struct command *self, int argc, char **argv)
{
	struct ping *p = calloc(1, sizeof *p);
	struct options o;
	int id, code;

	if (!p)
		return command_fail(self, EXIT_FAILED, "out of memory");
	p->command = self;
	p->net_spec = "host";
	p->family = AF_UNSPEC;
	p->size = SIZE_DEFAULT;
	p->interval = PB_SEC(1);
	p->patience = PB_SEC(2);
	p->deadline = PB_NEVER;
	options_init(&o, self, argc, argv);
	while ((id = options_next(&o)) > 0 && take_option(p, &o, id))
		;
	if (id != 0) {
		code = id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
	} else if (argc - o.rest != 1) {
		code = command_usage(self, "it takes one host");
	} else {
		p->host = argv[o.rest];
		code = ping_on_net(p);
	}
	free(p);
	return code;
}

static const struct cli_example ping_examples[] = {
	{"packetboat ping -c 3 localhost",                    "three requests and their answers" },
	{ "packetboat ping -t 1 -c 1 example.org",                                                  "learn the address of the first router on the way" },
	{ NULL},
};

const struct command command_ping = {
	.name = "ping",
	.summary = "ask a host whether it is there, and how far away",
	.synopsis = "[OPTION]... HOST",
	.about = "Sends ICMP echo requests until interrupted. The exit code is 0 when anything was\n"
		 "answered, 5 when nothing was, 6 when somebody said that HOST cannot be "
		 "reached.\n\n" NET_ABOUT,
	.options = ping_options,
	.examples = ping_examples,
	.run = ping_run,
};
