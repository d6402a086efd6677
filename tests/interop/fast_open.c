/*
 * Fast open on a stack of ours, for tests/interop/test_fast_open.py:
 *
 *     fast_open DEVICE ADDRESS CAPTURE serve PORT CALLS      hears "hello" of each caller, and says "you"
 *     fast_open DEVICE ADDRESS CAPTURE call ADDRESS PORT CALLS      the other side of this
 *
 * For each it prints how many bytes MSG_FASTOPEN took (the server: 0), and whether the SYN's text was acknowledged.
 */
#include "base/addr.h"

#include <errno.h>
#include <linux/tcp.h>
#include <packetboat/packetboat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE PB_SEC(20)

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "fast_open: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static struct pb_net *open_net(const char *tap, const char *address, struct pb_capture *capture)
{
	struct timespec t;
	struct pb_device *device;
	struct pb_stack *stack;
	union pb_addr addr;

	clock_gettime(CLOCK_MONOTONIC, &t);
	struct pb_stack_options options = { .now = PB_SEC(t.tv_sec) + t.tv_nsec };
	check(pb_addr_parse(&addr, address) ? 0 : -EINVAL, address);
	check(pb_seed_random(options.seed), "seed");
	check(pb_device_tap(tap, &device), tap);
	check(pb_device_capture(device, capture, tap, &device), "capture");
	check(pb_stack_new(&options, &stack), "stack");
	int index = pb_stack_attach(stack, device, "tap0");
	check(index, "attach");
	check(pb_stack_add_address(stack, (unsigned)index, &addr.sa, 24, PB_USE_AT_ONCE), "address");
	return pb_stack_net(stack);
}

static void tell(struct pb_socket *s, ssize_t taken)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	check(pb_getsockopt(s, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	printf("%zd %s\n", taken, info.tcpi_options & TCPI_OPT_SYN_DATA ? "acknowledged" : "not");
	fflush(stdout);
}

static void hear(struct pb_socket *s, const char *text)
{
	char room[16];
	size_t have = 0;

	while (have < strlen(text)) {
		check(pb_wait(s, POLLIN, PATIENCE) > 0 ? 0 : -ETIMEDOUT, "wait");
		ssize_t n = pb_recv(s, room + have, strlen(text) - have, 0);
		check(n > 0 ? 0 : n < 0 ? (int)n : -EPIPE, "receive");
		have += (size_t)n;
	}
	check(memcmp(room, text, have) ? -EPROTO : 0, "text");
}

static void serve(struct pb_net *net, const char *port, int calls)
{
	char at[32];
	struct pb_socket *l, *s;
	int most = 16;

	snprintf(at, sizeof at, ":%s", port);
	check(pb_listen_on(net, "tcp", at, &l), "listen");
	check(pb_setsockopt(l, IPPROTO_TCP, TCP_FASTOPEN, &most, sizeof most), "TCP_FASTOPEN");
	printf("ready\n");
	fflush(stdout);
	while (calls--) {
		check(pb_wait(l, POLLIN, PATIENCE) > 0 ? 0 : -ETIMEDOUT, "wait");
		check(pb_accept(l, &s), "accept");
		hear(s, "hello");
		check((int)pb_send_all(s, "you", 3), "send");
		tell(s, 0);
		pb_wait(s, POLLIN, PATIENCE); /* the caller's end */
		pb_close(s);
	}
	pb_close(l);
}

static void call(struct pb_net *net, const char *address, const char *port, int calls)
{
	union pb_addr to;
	struct pb_socket *s;

	check(pb_addr_parse(&to, address) ? 0 : -EINVAL, address);
	pb_addr_set_port(&to, (uint16_t)atoi(port));
	while (calls--) {
		check(pb_socket_open(net, to.sa.sa_family, SOCK_STREAM, 0, &s), "socket");
		ssize_t n = pb_sendto(s, "hello", 5, MSG_FASTOPEN, &to.sa, pb_addr_len(&to));
		check(n == -EINPROGRESS ? 0 : (int)n, "MSG_FASTOPEN");
		check(pb_wait(s, POLLOUT, PATIENCE) > 0 ? 0 : -ETIMEDOUT, "connect");
		if (n < 0)
			check((int)pb_send_all(s, "hello", 5), "send");
		hear(s, "you");
		tell(s, n < 0 ? 0 : n);
		pb_close(s);
	}
}

int main(int argc, char **argv)
{
	struct pb_capture *capture;
	struct pb_loop *loop;

	if (argc < 7)
		return 2;
	check(pb_capture_open(argv[3], 0, &capture), argv[3]);
	struct pb_net *net = open_net(argv[1], argv[2], capture);
	check(pb_loop_new(&loop), "loop");
	check(pb_loop_add_net(loop, net), "loop");
	if (strcmp(argv[4], "serve") == 0)
		serve(net, argv[5], atoi(argv[6]));
	else if (argc > 7)
		call(net, argv[5], argv[6], atoi(argv[7]));
	pb_loop_free(loop);
	pb_net_close(net);
	return pb_capture_close(capture) < 0;
}
