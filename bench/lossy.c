/*
 * One bulk transfer over a path of 100 Mbit/s and 50 ms that loses, in real time, to the kernel as receiver: from the
 * kernel's TCP or from ours. The path is the same object both times: what the sender's end gives is delayed, lost and
 * limited in rate before it enters the TAP at whose other side the receiver is. Each kernel end lives in a network
 * namespace of its own; needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
 *
 *     lossy kernel|stack ALGORITHM LOSS SECONDS SEED      prints Mbit/s that arrived
 */
#include "base/addr.h"
#include "kernel/link.h"

#include <packetboat/packetboat.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT     9
#define RATE     100000000 /* bits a second */
#define ONE_WAY  PB_MSEC(25)
#define QUEUE    (RATE / 8 / 20) /* one round trip's worth */
#define SENDER   "10.9.0.2"
#define RECEIVER "10.9.0.1"

struct run {
	struct pb_device *sender,
		*receiver; /* what each receives is what that end of the path has sent, impaired */
	struct pb_pool *pool;
	struct pb_stack *stack; /* NULL: the kernel sends */
	struct pb_socket *socket;
};

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "lossy: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void must_call(int rc, const char *what)
{
	must(rc < 0 ? -errno : rc, what);
}

static pb_time clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return PB_SEC(t.tv_sec) + t.tv_nsec;
}

static union pb_addr address(const char *text)
{
	union pb_addr a;

	pb_addr_parse(&a, text);
	pb_addr_set_port(&a, PORT);
	return a;
}

/* A namespace, in which this process is from now on, with one end of the path: a TAP that has the address. */
static struct pb_device *kernel_end(const char *name, const char *addr)
{
	struct pb_prefix prefix = { .addr = address(addr), .bits = 24 };
	struct pb_device *tap;

	must_call(unshare(CLONE_NEWNET), "a namespace of our own");
	must(pb_device_tap(name, &tap), "tap");
	must(link_add_address(name, &prefix), "address");
	must(link_up(name, 1500), "up");
	return tap;
}

/* A process that ends with this one. */
static pid_t child(void (*work)(void *context), void *context)
{
	pid_t pid = fork();

	must_call(pid, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(context);
	_exit(0);
}

/* Count what arrives, in memory that both processes see. */
static void receive(void *context)
{
	volatile uint64_t *arrived = context;
	static char room[1 << 20];
	union pb_addr any = address("0.0.0.0");
	int l = socket(AF_INET, SOCK_STREAM, 0), s;

	must_call(bind(l, &any.sa, pb_addr_len(&any)), "bind");
	must_call(listen(l, 1), "listen");
	must_call(s = accept(l, NULL, NULL), "accept");
	for (ssize_t n; (n = recv(s, room, sizeof room, 0)) > 0;)
		*arrived += (uint64_t)n;
}

static void send_by_kernel(void *context)
{
	static const char text[1 << 16];
	const char *algorithm = context;
	union pb_addr to = address(RECEIVER);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	must_call(setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, algorithm, (socklen_t)strlen(algorithm)),
		  algorithm);
	must_call(connect(s, &to.sa, pb_addr_len(&to)), "connect");
	while (send(s, text, sizeof text, MSG_NOSIGNAL) > 0)
		;
}

static void open_stack(struct run *r, struct pb_device *end, const uint8_t seed[16], const char *algorithm)
{
	struct pb_stack_options options = { .memory_max = 64 << 20, .now = clock_now() };
	union pb_addr own = address(SENDER), to = address(RECEIVER);
	int index, rc;

	memcpy(options.seed, seed, sizeof options.seed);
	must(pb_stack_new(&options, &r->stack), "stack");
	must(index = pb_stack_attach(r->stack, end, "wire"), "attach");
	must(pb_stack_add_address(r->stack, (unsigned)index, &own.sa, 24, PB_USE_AT_ONCE), "address");
	must(pb_socket_open(pb_stack_net(r->stack), AF_INET, SOCK_STREAM, 0, &r->socket), "socket");
	must(pb_setsockopt(r->socket, IPPROTO_TCP, TCP_CONGESTION, algorithm, (socklen_t)strlen(algorithm)),
	     algorithm);
	rc = pb_connect(r->socket, &to.sa, pb_addr_len(&to));
	must(rc == -EINPROGRESS ? 0 : rc, "connect");
}

static struct pb_device *impaired(struct pb_device *d, const struct pb_impairment *in, const uint8_t seed[16],
				  const char *name)
{
	struct pb_device *wrapped;

	must(pb_device_impair(d, in, seed, name, &wrapped), name);
	return wrapped;
}

/* The path, and who sends into it. */
static void build(struct run *r, bool by_kernel, char *algorithm, double loss, const uint8_t seed[16],
		  uint64_t *arrived)
{
	struct pb_impairment there = { .delay = ONE_WAY, .rate = RATE, .queue = QUEUE, .loss = loss };
	struct pb_impairment back = { .delay = ONE_WAY };
	struct pb_device *pair[2], *sender;

	r->pool = pb_pool_new(256 << 20);
	r->receiver = impaired(kernel_end("receiver", RECEIVER), &back, seed, "back");
	child(receive, arrived);
	usleep(100000); /* the receiver listens */
	if (by_kernel) {
		sender = kernel_end("sender", SENDER);
		child(send_by_kernel, algorithm);
	} else {
		must(pb_device_pair(1500, true, 65536, pair), "pair");
		open_stack(r, pair[0], seed, algorithm);
		sender = pair[1];
	}
	r->sender = impaired(sender, &there, seed, "there");
}

static void carry(struct run *r, struct pb_device *from, struct pb_device *to, pb_time now)
{
	for (struct pb_buf *frame; (frame = from->ops->receive(from, now, r->pool));)
		to->ops->send(to, now, frame);
	if (to->ops->flush)
		to->ops->flush(to, now);
}

/* When the stack wants to be asked again. */
static pb_time feed(struct run *r, pb_time now)
{
	static const char text[1 << 16];

	if (!r->stack)
		return PB_NEVER;
	pb_stack_poll(r->stack, now);
	while (pb_send(r->socket, text, sizeof text, 0) > 0)
		;
	return pb_stack_poll(r->stack, now);
}

static pb_time sooner(pb_time a, pb_time b)
{
	return a < b ? a : b;
}

static void wait_until(struct run *r, pb_time when)
{
	struct pollfd fds[2] = {
		{.fd = r->sender->ops->fd(r->sender),      .events = POLLIN},
		{ .fd = r->receiver->ops->fd(r->receiver), .events = POLLIN},
	};
	pb_time left = when - clock_now();
	struct timespec t = { .tv_sec = left / PB_SEC(1), .tv_nsec = left % PB_SEC(1) };

	if (left > 0)
		ppoll(fds, 2, &t, NULL);
}

static void run(struct run *r, pb_time end)
{
	for (pb_time now; (now = clock_now()) < end;) {
		carry(r, r->sender, r->receiver, now);
		carry(r, r->receiver, r->sender, now);
		pb_time next = sooner(end, feed(r, now));
		next = sooner(next, r->sender->ops->next(r->sender));
		next = sooner(next, r->receiver->ops->next(r->receiver));
		wait_until(r, next);
	}
}

int main(int argc, char **argv)
{
	struct run r = { 0 };
	uint8_t seed[16] = { 0 };

	if (argc != 6) {
		fprintf(stderr, "usage: lossy kernel|stack ALGORITHM LOSS SECONDS SEED\n");
		return 2;
	}
	uint64_t number = strtoull(argv[5], NULL, 0);
	memcpy(seed, &number, sizeof number);
	uint64_t *arrived =
		mmap(NULL, sizeof *arrived, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must_call(arrived == MAP_FAILED ? -1 : 0, "memory");
	build(&r, strcmp(argv[1], "kernel") == 0, argv[2], strtod(argv[3], NULL), seed, arrived);
	double time = strtod(argv[4], NULL);
	run(&r, clock_now() + (pb_time)(time * 1e9));
	printf("%.6g\n", (double)*(volatile uint64_t *)arrived * 8 / 1e6 / time);
	return 0;
}
