/*
 * Two stacks at the ends of a path, in virtual time: what each algorithm of congestion control makes of it. README.md
 * says what the columns are, and what to expect of them.
 *
 *   paths [-s SEED] [-a ALGORITHM] [PART OF A PATH'S NAME...]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/tcp.h>
#include <math.h>
#include <netinet/in.h>
#include <packetboat/packetboat.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT      5001
#define MTU       1500
#define FLOWS_MAX 2
#define MEMORY    ((size_t)4 << 30)
#define PIECE     65536       /* bytes that a sender gives at a time */
#define SAMPLE    PB_MSEC(10) /* how often round-trip times are looked at */
#define ROUNDS    200 /* a run takes as many round trips, or as long as its path says if that is longer */
#define HEADERS   (20 + 20 + 12)
#define PACKETS   (1 << 20) /* that a cable holds */

struct path {
	const char *name;
	uint64_t rate; /* bits a second */
	pb_time rtt;
	double queue; /* bandwidth-delay products */
	double loss, reordering;
	pb_time duration;
	double marked; /* products, likewise, above which the queue marks; 0: it does not */
};

#define MBIT(n) ((uint64_t)(n)*1000000)

static const struct path paths[] = {
	{"10 Mbit/s, 1 ms",                     MBIT(10),    PB_MSEC(1),   20,  0,      0,    PB_SEC(30), 0  },
	{ "10 Mbit/s, 20 ms",                   MBIT(10),    PB_MSEC(20),  1,   0,      0,    PB_SEC(60), 0  },
	{ "10 Mbit/s, 100 ms",                  MBIT(10),    PB_MSEC(100), 1,   0,      0,    PB_SEC(60), 0  },
	{ "10 Mbit/s, 300 ms",                  MBIT(10),    PB_MSEC(300), 1,   0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 1 ms",                   MBIT(100),   PB_MSEC(1),   4,   0,      0,    PB_SEC(20), 0  },
	{ "100 Mbit/s, 20 ms",                  MBIT(100),   PB_MSEC(20),  1,   0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 100 ms",                 MBIT(100),   PB_MSEC(100), 1,   0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 300 ms",                 MBIT(100),   PB_MSEC(300), 1,   0,      0,    PB_SEC(60), 0  },
	{ "1 Gbit/s, 1 ms",                     MBIT(1000),  PB_MSEC(1),   1,   0,      0,    PB_SEC(10), 0  },
	{ "1 Gbit/s, 20 ms",                    MBIT(1000),  PB_MSEC(20),  1,   0,      0,    PB_SEC(20), 0  },
	{ "1 Gbit/s, 100 ms",                   MBIT(1000),  PB_MSEC(100), 1,   0,      0,    PB_SEC(30), 0  },
	{ "1 Gbit/s, 300 ms",                   MBIT(1000),  PB_MSEC(300), 1,   0,      0,    PB_SEC(60), 0  },
	{ "10 Gbit/s, 1 ms",                    MBIT(10000), PB_MSEC(1),   1,   0,      0,    PB_SEC(3),  0  },
	{ "10 Gbit/s, 20 ms",                   MBIT(10000), PB_MSEC(20),  1,   0,      0,    PB_SEC(5),  0  },
	{ "10 Gbit/s, 100 ms",                  MBIT(10000), PB_MSEC(100), 1,   0,      0,    PB_SEC(10), 0  },
	{ "100 Mbit/s, 40 ms, queue 0.05 BDP",  MBIT(100),   PB_MSEC(40),  .05, 0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, queue 0.25 BDP",  MBIT(100),   PB_MSEC(40),  .25, 0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, queue 1 BDP",     MBIT(100),   PB_MSEC(40),  1,   0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, queue 8 BDP",     MBIT(100),   PB_MSEC(40),  8,   0,      0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, loss 0.01 %",     MBIT(100),   PB_MSEC(40),  1,   0.0001, 0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, loss 0.1 %",      MBIT(100),   PB_MSEC(40),  1,   0.001,  0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, loss 1 %",        MBIT(100),   PB_MSEC(40),  1,   0.01,   0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, loss 5 %",        MBIT(100),   PB_MSEC(40),  1,   0.05,   0,    PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, reordering 1 %",  MBIT(100),   PB_MSEC(40),  1,   0,      0.01, PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, reordering 10 %", MBIT(100),   PB_MSEC(40),  1,   0,      0.1,  PB_SEC(60), 0  },
	{ "100 Mbit/s, 40 ms, marked 0.05 BDP", MBIT(100),   PB_MSEC(40),  1,   0,      0,    PB_SEC(60), .05},
	{ "100 Mbit/s, 40 ms, marked 0.25 BDP", MBIT(100),   PB_MSEC(40),  1,   0,      0,    PB_SEC(60), .25},
	{ "100 Mbit/s, 40 ms, marked 0.5 BDP",  MBIT(100),   PB_MSEC(40),  1,   0,      0,    PB_SEC(60), .5 },
};

static const char *const algorithms[] = { "cubic", "reno", "bbr" };

struct flow {
	struct pb_socket *sender, *receiver;
	uint64_t received, received_by_half;
	double rtts; /* seconds, summed up */
	uint64_t samples;
};

struct lab {
	const struct path *path;
	struct pb_stack *a, *b; /* who sends, who receives */
	struct pb_device *wire_a, *wire_b;
	struct pb_socket *listener;
	struct flow flow[FLOWS_MAX];
	unsigned flows, accepted;
	pb_time now, end;
};

struct result {
	double goodput, retransmitted, queue_delay, jain;
};

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "paths: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static struct sockaddr_in address(const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(PORT) };

	inet_pton(AF_INET, text, &sin.sin_addr);
	return sin;
}

/*
 * -- The path
 */

static double bdp(const struct path *p)
{
	return (double)p->rate / 8 * (double)p->rtt / 1e9;
}

static struct pb_impairment forth(const struct path *p)
{
	double queue = bdp(p) * p->queue;

	return (struct pb_impairment){
		.delay = p->rtt / 2,
		.rate = p->rate,
		.queue = queue > 2 * MTU ? (size_t)queue : 2 * MTU,
		.loss = p->loss,
		.reordering = p->reordering,
		.mark_above = (size_t)(bdp(p) * p->marked),
	};
}

static struct pb_stack *host(const char *addr, struct pb_device *d, uint64_t seed)
{
	struct pb_stack_options o = { .memory_max = MEMORY, .ecn = PB_ECN_ASK };
	struct sockaddr_in sin = address(addr);
	struct pb_stack *s;

	memcpy(o.seed, &seed, sizeof seed);
	memcpy(o.seed + 8, &sin.sin_addr, sizeof sin.sin_addr);
	must(pb_stack_new(&o, &s), "a stack");
	must(pb_stack_attach(s, d, "eth0"), "a device");
	must(pb_stack_add_address(s, 2, (struct sockaddr *)&sin, 24, PB_USE_AT_ONCE), "an address");
	return s;
}

static void build(struct lab *l, uint64_t seed)
{
	struct pb_impairment there = forth(l->path), back = { .delay = l->path->rtt - l->path->rtt / 2 };
	uint8_t bytes[16] = { 0 };
	struct pb_device *end[2];

	memcpy(bytes, &seed, sizeof seed);
	must(pb_device_pair(MTU, false, PACKETS, end), "a cable");
	must(pb_device_impair(end[0], &back, bytes, "back", &l->wire_a), "a wire");
	must(pb_device_impair(end[1], &there, bytes, "there", &l->wire_b), "a wire");
	l->a = host("10.0.0.1", l->wire_a, seed);
	l->b = host("10.0.0.2", l->wire_b, seed);
}

static void listen_at_b(struct lab *l)
{
	struct sockaddr_in any = address("0.0.0.0");

	must(pb_socket_open(pb_stack_net(l->b), AF_INET, SOCK_STREAM, 0, &l->listener), "a socket");
	must(pb_bind(l->listener, (struct sockaddr *)&any, sizeof any), "bind");
	must(pb_listen(l->listener, FLOWS_MAX), "listen");
}

static void begin_flow(struct lab *l, const char *algorithm)
{
	struct sockaddr_in to = address("10.0.0.2");
	struct flow *f = &l->flow[l->flows++];

	must(pb_socket_open(pb_stack_net(l->a), AF_INET, SOCK_STREAM, 0, &f->sender), "a socket");
	must(pb_setsockopt(f->sender, IPPROTO_TCP, TCP_CONGESTION, algorithm, (socklen_t)strlen(algorithm)),
	     algorithm);
	int rc = pb_connect(f->sender, (struct sockaddr *)&to, sizeof to);
	must(rc == -EINPROGRESS ? 0 : rc, "connect");
}

/*
 * -- Applications: as much as it takes, and whatever comes
 */

static void release_nothing(void *context)
{
	(void)context;
}

static void feed(struct lab *l, struct flow *f)
{
	static const uint8_t text[PIECE];

	for (;;) {
		struct pb_buf *b = pb_buf_lend(pb_stack_pool(l->a), text, PIECE, release_nothing, NULL);
		if (!b)
			return;
		if (pb_give(f->sender, b) < 0) {
			pb_buf_free(b);
			return;
		}
	}
}

static void drain(struct flow *f)
{
	struct pb_buf *b;
	int why;

	while (f->receiver && (b = pb_take(f->receiver, &why))) {
		f->received += b->total;
		pb_buf_free(b);
	}
}

/* Callers come one after the other, so that who is accepted next is the next flow's. */
static void accept_next(struct lab *l)
{
	if (l->accepted < l->flows && pb_accept(l->listener, &l->flow[l->accepted].receiver) >= 0)
		l->accepted++;
}

/*
 * -- Time
 */

static pb_time device_next(struct pb_device *d)
{
	return d->ops->next(d);
}

/* All that can happen now. When something will next. */
static pb_time settle(struct lab *l)
{
	pb_time a, b;

	do {
		for (unsigned i = 0; i < l->flows; i++)
			feed(l, &l->flow[i]);
		a = pb_stack_poll(l->a, l->now);
		pb_stack_poll(l->b, l->now);
		accept_next(l);
		for (unsigned i = 0; i < l->flows; i++)
			drain(&l->flow[i]);
		b = pb_stack_poll(l->b, l->now);
	} while (a <= l->now || b <= l->now || device_next(l->wire_a) <= l->now ||
		 device_next(l->wire_b) <= l->now);
	pb_time next = a < b ? a : b, wire = device_next(l->wire_a);
	return wire < next ? wire : next;
}

static void look(struct lab *l)
{
	for (unsigned i = 0; i < l->accepted; i++) {
		struct tcp_info info;
		socklen_t len = sizeof info;
		must(pb_getsockopt(l->flow[i].sender, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
		l->flow[i].rtts += info.tcpi_rtt / 1e6;
		l->flow[i].samples++;
	}
}

/* Time until then passes. Hosts hear of what comes within a hundredth of a round trip together, as cards tell them. */
static void run_until(struct lab *l, pb_time until)
{
	pb_time step = l->path->rtt / 100 < PB_MSEC(1) / 20 ? l->path->rtt / 100 : PB_MSEC(1) / 20;
	pb_time sample = l->now;

	while (l->now < until) {
		pb_time next = settle(l);
		if (next < l->now + step)
			next = l->now + step;
		l->now = next < until ? next : until;
		for (; sample <= l->now; sample += SAMPLE)
			look(l);
	}
}

/*
 * -- Runs
 */

static double retransmitted_share(const struct lab *l)
{
	double sent = 0, again = 0;

	for (unsigned i = 0; i < l->flows; i++) {
		struct tcp_info info;
		socklen_t len = sizeof info;
		must(pb_getsockopt(l->flow[i].sender, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
		sent += (double)info.tcpi_bytes_sent;
		again += (double)info.tcpi_bytes_retrans;
	}
	return sent > 0 ? again / sent : 0;
}

/* Jain's index of what the flows received in the second half. */
static double jain(const struct lab *l)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < l->flows; i++) {
		double x = (double)(l->flow[i].received - l->flow[i].received_by_half);
		sum += x;
		squares += x * x;
	}
	return squares > 0 ? sum * sum / (l->flows * squares) : 0;
}

static double queue_delay(const struct lab *l)
{
	const struct flow *f = &l->flow[0];

	return f->samples ? f->rtts / (double)f->samples - (double)l->path->rtt / 1e9 : 0;
}

static double goodput(const struct lab *l)
{
	double bits = 0, most = (double)l->path->rate * (MTU - HEADERS) / MTU;

	for (unsigned i = 0; i < l->flows; i++)
		bits += (double)l->flow[i].received * 8;
	return bits / ((double)l->end / 1e9) / most;
}

/*
 * What random loss leaves, as a share of the capacity: RFC 9438 §5.1's mean windows (in segments) of Reno and CUBIC,
 * which is never below Reno's. 0: nothing is lost at random, or the algorithm has no such formula.
 */
static double expected(const struct path *p, const char *algorithm)
{
	double rtt = (double)p->rtt / 1e9, reno = 1.2 / sqrt(p->loss);
	double cubic = 1.054 * pow(rtt, 0.75) / pow(p->loss, 0.75);
	double window = strcmp(algorithm, "reno") != 0 && cubic > reno ? cubic : reno;
	double share = window * MTU / bdp(p);

	if (strcmp(algorithm, "bbr") == 0) /* up to 2 % losses are none of its concern */
		return 0;
	return p->loss == 0 ? 0 : share < 1 ? share : 1;
}

static void take_down(struct lab *l)
{
	for (unsigned i = 0; i < l->flows; i++) {
		if (l->flow[i].receiver)
			pb_close(l->flow[i].receiver);
		pb_close(l->flow[i].sender);
	}
	pb_close(l->listener);
	pb_net_close(pb_stack_net(l->a));
	pb_net_close(pb_stack_net(l->b));
}

/* The second of two flows comes when the first has had a tenth of the time. */
static struct lab run(const struct path *p, const char *algorithm, unsigned flows, uint64_t seed)
{
	struct lab l = { .path = p };

	l.end = p->duration > p->rtt * ROUNDS ? p->duration : p->rtt * ROUNDS;
	build(&l, seed);
	listen_at_b(&l);
	begin_flow(&l, algorithm);
	run_until(&l, l.end / 10);
	if (flows > 1)
		begin_flow(&l, algorithm);
	run_until(&l, l.end / 2);
	for (unsigned i = 0; i < l.flows; i++)
		l.flow[i].received_by_half = l.flow[i].received;
	run_until(&l, l.end);
	return l;
}

static void measure(const struct path *p, const char *algorithm, uint64_t seed)
{
	struct lab alone = run(p, algorithm, 1, seed);
	struct result r = { .goodput = goodput(&alone),
			    .retransmitted = retransmitted_share(&alone),
			    .queue_delay = queue_delay(&alone) };

	take_down(&alone);
	struct lab two = run(p, algorithm, 2, seed);
	r.jain = jain(&two);
	take_down(&two);
	char theory[16] = "";
	if (expected(p, algorithm) > 0)
		snprintf(theory, sizeof theory, "%.1f", expected(p, algorithm) * 100);
	printf("| %-35s | %-5s | %7.1f | %8s | %10.3f | %11.1f | %5.3f |\n", p->name, algorithm,
	       r.goodput * 100, theory, r.retransmitted * 100, r.queue_delay * 1000, r.jain);
	fflush(stdout);
}

static bool is_wanted(const struct path *p, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strstr(p->name, *names))
			return true;
	return false;
}

static int usage(void)
{
	fputs("usage: paths [-s SEED] [-a ALGORITHM] [PART OF A PATH'S NAME...]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *algorithm = NULL;
	uint64_t seed = 1;

	for (int option; (option = getopt(argc, argv, "a:s:")) != -1;) {
		if (option == 'a')
			algorithm = optarg;
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return usage();
	}
	puts("| path                                |       | goodput | expected | sent again | queue delay "
	     "| Jain  |\n"
	     "|                                     |       | %       | %        | %          | ms          "
	     "|       |\n"
	     "|-------------------------------------|-------|---------|----------|------------|-------------|"
	     "-------|");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		for (size_t k = 0; k < sizeof algorithms / sizeof *algorithms; k++)
			if (is_wanted(&paths[i], argv + optind) &&
			    (!algorithm || !strcmp(algorithm, algorithms[k])))
				measure(&paths[i], algorithms[k], seed);
	return 0;
}
