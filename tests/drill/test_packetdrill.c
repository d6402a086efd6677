/* The functions that the original packetdrill drives: calls, packets, a clock that is told, and calls that block. */
#include "drill/adapter.h"
#include "drill/interface.h"
#include "drill/packet.h"
#include "skip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

static struct packetdrill_interface ifc;
static const struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = 0x901f /* 8080 */ };
static uint32_t peer_next, stack_next;

static int set_up(void **state)
{
	(void)state;
	packetdrill_interface_init("mtu=1500", &ifc);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ifc.free(ifc.userdata);
	return 0;
}

static int64_t now(void)
{
	struct timeval tv;

	assert_int_equal(ifc.gettimeofday(ifc.userdata, &tv, NULL), 0);
	return (int64_t)tv.tv_sec * 1000000 + tv.tv_usec;
}

static struct packet_ends ends(void)
{
	struct packet_ends e = { .src_port = 5000, .dst_port = 8080 };

	assert_true(pb_ip_parse(&e.src, "192.0.2.1") && pb_ip_parse(&e.dst, "192.168.0.1"));
	return e;
}

static void inject(struct packet p)
{
	uint8_t bytes[2000];
	size_t len = sizeof bytes;
	struct packet_ends e = ends();

	p.window = 10000;
	assert_true(drill_packet_write(&p, &e, bytes, &len));
	assert_int_equal(ifc.netdev_send(ifc.userdata, bytes, len), 0);
}

/* The next segment the stack has sent; when, in microseconds. */
static struct packet sniff(long long *when)
{
	uint8_t bytes[2000];
	size_t len = sizeof bytes;
	struct packet_ends e;
	struct packet p;
	const char *why;

	assert_int_equal(ifc.netdev_receive(ifc.userdata, bytes, &len, when), 0);
	/* Checksums are the device's, and not there: what matters is read all the same. */
	drill_packet_read(&p, &e, bytes, len, &why);
	p.flags = bytes[33];
	p.seq = (uint32_t)bytes[24] << 24 | (uint32_t)bytes[25] << 16 | (uint32_t)bytes[26] << 8 | bytes[27];
	return p;
}

static int listener(void)
{
	int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ifc.bind(ifc.userdata, fd, (const struct sockaddr *)&local, sizeof local), 0);
	assert_int_equal(ifc.listen(ifc.userdata, fd, 1), 0);
	return fd;
}

/* A script has said --local_ip: what it binds to is an address of this host, then. */
static void test_address_of_its_own(void **state)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0a80009) };

	(void)state;
	int fd = ifc.socket(ifc.userdata, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(ifc.bind(ifc.userdata, fd, (const struct sockaddr *)&own, sizeof own), 0);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
}

static void handshake(void)
{
	long long when;

	inject((struct packet){ .flags = TCP_SYN, .seq = 7 });
	struct packet p = sniff(&when);
	assert_int_equal(p.flags, TCP_SYN | TCP_ACK);
	peer_next = 8;
	stack_next = p.seq + 1;
	inject((struct packet){ .flags = TCP_ACK, .seq = peer_next, .ack = stack_next });
}

static void test_calls(void **state)
{
	(void)state;
	int l = listener();
	assert_int_equal(ifc.fcntl(ifc.userdata, l, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(ifc.accept(ifc.userdata, l, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	handshake();
	int fd = ifc.accept(ifc.userdata, l, NULL, NULL);
	assert_true(fd >= 0 && fd != l);
	long long when;
	assert_int_equal(ifc.write(ifc.userdata, fd, "hello", 5), 5);
	assert_int_equal(sniff(&when).flags, TCP_ACK | TCP_PSH);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	assert_int_equal(ifc.poll(ifc.userdata, &p, 1, 0), 1);
	assert_int_equal(p.revents, POLLOUT);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
	assert_int_equal(ifc.close(ifc.userdata, fd), -1);
	assert_int_equal(errno, EBADF);
}

/* Nothing but usleep() and waiting for a packet moves the clock by more than a microsecond. */
static void test_clock(void **state)
{
	(void)state;
	int64_t start = now();
	assert_int_equal(ifc.usleep(ifc.userdata, 500000), 0);
	assert_in_range(now() - start, 500000, 500010);
	listener();
	long long first, again;
	inject((struct packet){ .flags = TCP_SYN, .seq = 7 });
	sniff(&first);
	sniff(&again); /* the SYN-ACK again: RFC 6298 (2.1) */
	assert_in_range(again - first, 1000000, 1001000);
}

/* AddressSanitizer defines libc's calls in the program itself: there is nothing that could lead elsewhere. */
#if defined(__has_feature)
#define HAS_CALLS_OF_ITS_OWN __has_feature(address_sanitizer)
#else
#define HAS_CALLS_OF_ITS_OWN 0
#endif

/* packetdrill asks for what its assertions are about by getsockopt(2), and closes by close(2). */
static void test_calls_of_libc(void **state)
{
	struct tcp_info info = { 0 };
	struct adapter *a = ifc.userdata;
	socklen_t len = sizeof info;
	int none, files[2];

	(void)state;
	if (HAS_CALLS_OF_ITS_OWN)
		SKIP("a program with AddressSanitizer has these calls in itself");
	int l = listener();
	assert_int_equal(getsockopt(l, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_int_equal(info.tcpi_state, TCP_LISTEN);
	assert_int_equal(len, sizeof info);
	assert_int_equal(close(l), 0);
	assert_null(a->fd[l].socket);
	assert_int_equal(ifc.close(ifc.userdata, l), -1);

	assert_int_equal(pipe(files), 0); /* those of others are left alone */
	len = sizeof none;
	assert_int_equal(getsockopt(files[0], SOL_SOCKET, SO_TYPE, &none, &len), -1);
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(close(files[0]), 0);
	assert_int_equal(close(files[1]), 0);
	assert_int_equal(close(files[1]), -1);
	assert_int_equal(errno, EBADF);
}

static int accepted(int l)
{
	handshake();
	return ifc.accept(ifc.userdata, l, NULL, NULL);
}

/* What is ready now of fd, as a set of events; 0: nothing. */
static uint32_t waited(int epoll, int timeout)
{
	struct epoll_event e = { 0 };

	return ifc.epoll_wait(ifc.userdata, epoll, &e, 1, timeout) == 1 ? e.events : 0;
}

static void hear(const char *text)
{
	struct packet p = { .flags = TCP_ACK, .seq = peer_next, .ack = stack_next };

	p.len = (uint32_t)strlen(text);
	peer_next += p.len;
	inject(p);
}

/* splice() and sendfile(), between sockets and what is the kernel's. */
static void test_pipes_and_files(void **state)
{
	struct adapter *a = ifc.userdata;
	int l = listener(), fd = accepted(l), ends[2];
	loff_t none = 0;
	off_t offset = 1;
	char text[8];
	long long when;

	(void)state;
	assert_int_equal(ifc.pipe(a, ends), 0);
	hear("hello");
	assert_int_equal(sniff(&when).flags, TCP_ACK);
	assert_int_equal(ifc.splice(a, fd, &none, ends[1], &none, 5, 0), 5);
	assert_int_equal(ifc.read(a, ends[0], text, sizeof text), 5);
	assert_int_equal(ifc.write(a, ends[1], "file", 4), 4);
	assert_int_equal(ifc.splice(a, ends[0], &none, fd, &none, 100, 0), 4);
	assert_int_equal(sniff(&when).flags, TCP_ACK | TCP_PSH);
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(write(fileno(file), "file", 4), 4);
	assert_int_equal(drill_sendfile(a, fd, fileno(file), &offset, 100), 3);
	assert_int_equal(offset, 4);
	assert_int_equal(sniff(&when).flags, TCP_ACK | TCP_PSH);
	fclose(file);
	/* Up to urgent data, where it ends; nobody waits for what is behind them. */
	inject((struct packet){
		.flags = TCP_ACK | TCP_URG, .seq = peer_next, .ack = stack_next, .len = 2, .urgent = 2 });
	assert_int_equal(ifc.splice(a, fd, &none, ends[1], &none, 2, 0), 1);
	assert_int_equal(ifc.splice(a, fd, &none, ends[1], &none, 2, 0), 0);
	assert_int_equal(ifc.close(a, ends[0]), 0);
	assert_int_equal(ifc.close(a, ends[1]), 0);
}

/* FIONREAD is of the next one, whatever is behind it. */
static void test_datagrams_to_read(void **state)
{
	static const struct sockaddr_in other = { .sin_family = AF_INET, .sin_port = 0x911f /* 8081 */ };
	int in = ifc.socket(ifc.userdata, AF_INET, SOCK_DGRAM, 0), waits = -1;
	int out = ifc.socket(ifc.userdata, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = local;

	(void)state;
	to.sin_addr.s_addr = htonl(0xc0a80001);
	assert_int_equal(ifc.bind(ifc.userdata, in, (const struct sockaddr *)&local, sizeof local), 0);
	assert_int_equal(ifc.bind(ifc.userdata, out, (const struct sockaddr *)&other, sizeof other), 0);
	assert_int_equal(ifc.ioctl(ifc.userdata, in, SIOCINQ, &waits), 0);
	assert_int_equal(waits, 0);
	for (size_t len = 3; len < 5; len++)
		assert_int_equal(
			ifc.sendto(ifc.userdata, out, "text", len, 0, (struct sockaddr *)&to, sizeof to),
			len);
	assert_int_equal(ifc.ioctl(ifc.userdata, in, SIOCINQ, &waits), 0);
	assert_int_equal(waits, 3);
}

static void test_epoll_by_edge_and_level(void **state)
{
	(void)state;
	int fd = accepted(listener()), edge = ifc.epoll_create(ifc.userdata, 1),
	    level = ifc.epoll_create(ifc.userdata, 1);
	struct epoll_event by_edge = { .events = EPOLLIN | EPOLLET }, by_level = { .events = EPOLLIN };
	char got[8];

	assert_int_equal(ifc.fcntl(ifc.userdata, fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(ifc.epoll_ctl(ifc.userdata, edge, EPOLL_CTL_ADD, fd, &by_edge), 0);
	assert_int_equal(ifc.epoll_ctl(ifc.userdata, level, EPOLL_CTL_ADD, fd, &by_level), 0);
	assert_int_equal(waited(edge, 0), 0);
	hear("abc");
	assert_int_equal(waited(edge, 0), EPOLLIN);
	assert_int_equal(waited(edge, 0), 0);
	assert_int_equal(waited(level, 0), EPOLLIN);
	assert_int_equal(waited(level, 0), EPOLLIN);
	hear("def");
	assert_int_equal(waited(edge, 0), EPOLLIN);
	assert_int_equal(ifc.read(ifc.userdata, fd, got, sizeof got), 6);
	assert_int_equal(waited(level, 0), 0);
	int64_t began = now();
	assert_int_equal(waited(level, 100), 0);
	assert_in_range(now() - began, 100000, 100100);
}

static void test_epoll_once(void **state)
{
	(void)state;
	int fd = accepted(listener()), epoll = ifc.epoll_create(ifc.userdata, 1);
	struct epoll_event e = { .events = EPOLLOUT | EPOLLONESHOT };

	assert_int_equal(ifc.epoll_ctl(ifc.userdata, epoll, EPOLL_CTL_ADD, fd, &e), 0);
	assert_int_equal(waited(epoll, 0), EPOLLOUT);
	assert_int_equal(waited(epoll, 0), 0);
	assert_int_equal(ifc.epoll_ctl(ifc.userdata, epoll, EPOLL_CTL_MOD, fd, &e), 0);
	assert_int_equal(waited(epoll, 0), EPOLLOUT);
}

static void expect_wrong(int epoll, int op, int fd, uint32_t events, int error)
{
	struct epoll_event e = { .events = events };

	assert_int_equal(ifc.epoll_ctl(ifc.userdata, epoll, op, fd, &e), -1);
	assert_int_equal(errno, error);
}

static void test_epoll_refuses(void **state)
{
	(void)state;
	int fd = accepted(listener()), epoll = ifc.epoll_create(ifc.userdata, 1);
	struct epoll_event e = { .events = EPOLLIN };

	expect_wrong(epoll, EPOLL_CTL_MOD, fd, EPOLLIN, ENOENT);
	expect_wrong(epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, EINVAL);
	expect_wrong(epoll, EPOLL_CTL_ADD, 1000, EPOLLIN, EBADF);
	expect_wrong(fd, EPOLL_CTL_ADD, fd, EPOLLIN, EINVAL);
	assert_int_equal(ifc.epoll_ctl(ifc.userdata, epoll, EPOLL_CTL_ADD, fd, &e), 0);
	expect_wrong(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, EEXIST);
	assert_int_equal(ifc.epoll_wait(ifc.userdata, epoll, &e, 0, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ifc.close(ifc.userdata, fd), 0);
	assert_int_equal(waited(epoll, 0), 0);
	assert_int_equal(ifc.close(ifc.userdata, epoll), 0);
	assert_int_equal(ifc.epoll_wait(ifc.userdata, epoll, &e, 1, 0), -1);
	assert_int_equal(errno, EBADF);
}

/* Memory that is nobody's. */
static void test_nowhere(void **state)
{
	(void)state;
	int fd = accepted(listener());
	assert_int_equal(ifc.write(ifc.userdata, fd, NULL, 5), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(ifc.read(ifc.userdata, fd, NULL, 5), -1);
	assert_int_equal(errno, EFAULT);
}

struct blocked {
	int listener, fd;
	int64_t returned;
};

static void *accept_and_tell(void *context)
{
	struct blocked *b = context;

	b->fd = ifc.accept(ifc.userdata, b->listener, NULL, NULL);
	b->returned = now();
	return NULL;
}

/* It comes back when the call is there, and to its thread the clock shows when that was. */
static void test_call_that_blocks(void **state)
{
	struct adapter *a = ifc.userdata;
	struct blocked b = { .listener = listener() };
	pthread_t thread;
	int64_t start = now();

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, accept_and_tell, &b), 0);
	for (bool waits = false; !waits; usleep(1000)) {
		drill_adapter_lock(a);
		waits = a->waiting > 0;
		drill_adapter_leave(a, 0);
	}
	ifc.usleep(ifc.userdata, 100000);
	handshake();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(b.fd >= 0);
	assert_in_range(b.returned - start, 100000, 100100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_address_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calls_of_libc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_call_that_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pipes_and_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_datagrams_to_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_epoll_by_edge_and_level, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_epoll_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_epoll_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nowhere, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
