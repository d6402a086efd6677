/* The kernel's sockets, seen on sockets made here. */
#include "kernel/sockdiag.h"

#include "skip.h"

#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int bound(int type, const char *host, union pb_addr *addr)
{
	socklen_t len = sizeof *addr;

	assert_true(pb_addr_parse(addr, host));
	int fd = socket(addr->sa.sa_family, type, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &addr->sa, pb_addr_len(addr)), 0);
	assert_int_equal(getsockname(fd, &addr->sa, &len), 0);
	return fd;
}

static const struct diag_socket *find(const struct diag_list *list, const union pb_addr *local,
				      const union pb_addr *foreign)
{
	for (size_t i = 0; i < list->count; i++)
		if (pb_addr_equal(&list->sockets[i].local, local) &&
		    (!foreign || pb_addr_equal(&list->sockets[i].foreign, foreign)))
			return &list->sockets[i];
	return NULL;
}

/* A call to a listener, from the first state to TIME-WAIT. */
static void life(const char *host)
{
	union pb_addr server, client;
	struct diag_list list;
	socklen_t len = sizeof client;
	int listener = bound(SOCK_STREAM, host, &server),
	    caller = socket(server.sa.sa_family, SOCK_STREAM, 0);

	assert_int_equal(listen(listener, 7), 0);
	assert_int_equal(connect(caller, &server.sa, pb_addr_len(&server)), 0);
	getsockname(caller, &client.sa, &len);
	assert_int_equal(sockdiag_read(&list, SOCK_STREAM), 0);
	const struct diag_socket *s = find(&list, &server, NULL);
	while (s && !diag_socket_listens(s)) /* the one that waits for accept() has the same local address */
		s = s + 1 < list.sockets + list.count ? s + 1 : NULL;
	assert_non_null(s);
	assert_string_equal(diag_socket_state(s), "LISTEN");
	assert_int_equal(s->recv_queue, 1);
	assert_int_equal(s->send_queue, 7);
	assert_int_equal(s->uid, getuid());
	assert_false(diag_socket_connected(s));
	diag_list_free(&list);

	int called = accept(listener, NULL, NULL);
	assert_int_equal(write(caller, "hello", 5), 5);
	shutdown(caller, SHUT_WR);
	assert_int_equal(sockdiag_read(&list, 0), 0);
	s = find(&list, &server, &client);
	assert_non_null(s);
	assert_string_equal(diag_socket_state(s), "CLOSE-WAIT");
	assert_int_equal(s->recv_queue, 6); /* the FIN has a number too */
	assert_true(s->inode != 0);
	s = find(&list, &client, &server);
	assert_non_null(s);
	assert_memory_equal(diag_socket_state(s), "FIN-WAIT-", 9); /* 2 once the delayed ACK has come */
	diag_list_free(&list);

	char buf[8];
	assert_int_equal(read(called, buf, sizeof buf), 5);
	close(called);
	close(caller);
	close(listener);
	assert_int_equal(sockdiag_read(&list, SOCK_STREAM), 0);
	s = find(&list, &client, &server);
	assert_non_null(s);
	assert_string_equal(diag_socket_state(s), "TIME-WAIT");
	diag_list_free(&list);
}

static void ipv4(void **state)
{
	(void)state;
	life("127.0.0.1");
}

static void ipv6(void **state)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	union pb_addr a;

	(void)state;
	pb_addr_parse(&a, "::1");
	int rc = fd < 0 ? -1 : bind(fd, &a.sa, pb_addr_len(&a));
	close(fd);
	if (rc < 0)
		SKIP("this machine has no ::1");
	life("::1");
}

static void datagrams(void **state)
{
	union pb_addr server, client;
	struct diag_list list;
	int to = bound(SOCK_DGRAM, "127.0.0.1", &server), from = bound(SOCK_DGRAM, "127.0.0.1", &client);

	(void)state;
	assert_int_equal(connect(from, &server.sa, pb_addr_len(&server)), 0);
	assert_int_equal(sockdiag_read(&list, SOCK_DGRAM), 0);
	const struct diag_socket *s = find(&list, &server, NULL);
	assert_non_null(s);
	assert_true(diag_socket_listens(s));
	assert_string_equal(diag_socket_state(s), "");
	assert_string_equal(diag_socket_proto(s), "udp");
	s = find(&list, &client, &server);
	assert_non_null(s);
	assert_string_equal(diag_socket_state(s), "ESTABLISHED");
	diag_list_free(&list);
	assert_int_equal(sockdiag_read(&list, SOCK_STREAM), 0);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.sockets[i].type, SOCK_STREAM);
	diag_list_free(&list);
	close(to);
	close(from);
}

/* Names by number, a number of the future among them. */
static void names(void **state)
{
	struct diag_socket s = { .type = SOCK_STREAM, .state = TCP_SYN_RECV };

	(void)state;
	assert_string_equal(diag_socket_state(&s), "SYN-RECEIVED");
	s.state = TCP_FIN_WAIT1;
	assert_string_equal(diag_socket_state(&s), "FIN-WAIT-1");
	s.state = 200;
	assert_string_equal(diag_socket_state(&s), "CLOSED");
	s.state = 0;
	assert_string_equal(diag_socket_state(&s), "CLOSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(ipv6),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
