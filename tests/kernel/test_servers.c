/* What servers tell, good and bad, and a server here that never finishes telling. */
#include "kernel/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char answer[] =
	"{\"pid\":1,\"net\":\"host\",\"services\":[{\"service\":\"ht\\ttp\",\"proto\":\"tcp\",\"local\":\"[::"
	"1]:80\"},"
	"{\"service\":\"x\",\"proto\":\"sctp\",\"local\":\"[::1]:80\"},7],"
	"\"connections\":[{\"number\":17,\"service\":\"http\",\"proto\":\"tcp\",\"local\":\"[::ffff:127.0.0."
	"1]:80\","
	"\"peer\":\"127.0.0.1:51234\",\"bytes_in\":120,\"bytes_out\":-5,\"seconds\":3.5}],\"connection_"
	"count\":4}";

static void parse(void **state)
{
	static const char *const wrong[] = {
		"[]", "7", "{}", "{\"net\":1}", "{\"net\":\"host\"}x", "\xff\xfe"
	};
	static const char odd[] = "{\"net\":\"host\",\"services\":{},\"connections\":3}";
	struct running_server s;
	char text[PB_ADDR_TEXT];

	(void)state;
	for (size_t n = 0; n < strlen(answer); n++)
		assert_false(running_server_parse(&s, answer, n));
	assert_true(running_server_parse(&s, answer, strlen(answer)));
	assert_string_equal(s.net, "host");
	assert_int_equal(s.service_count, 1);
	assert_string_equal(s.services[0].service, "ht?tp");
	assert_string_equal(pb_addr_text(&s.services[0].local, text), "[::1]:80");
	assert_int_equal(s.conn_count, 1);
	assert_string_equal(pb_addr_text(&s.conns[0].local, text), "127.0.0.1:80");
	assert_string_equal(pb_addr_text(&s.conns[0].peer, text), "127.0.0.1:51234");
	assert_int_equal(s.conns_untold, 3);
	assert_int_equal(s.conns[0].number, 17);
	assert_int_equal(s.conns[0].bytes_out, 0);
	running_server_free(&s);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(running_server_parse(&s, wrong[i], strlen(wrong[i])));
	assert_true(running_server_parse(&s, odd, strlen(odd)));
	assert_int_equal(s.service_count + s.conn_count + s.conns_untold, 0);
	running_server_free(&s);
}

static const char stack_answer[] =
	"{\"net\":\"stack\",\"services\":[],\"connections\":[],\"device\":\"tap:pb0\\u001b[2J\","
	"\"addresses\":[\"10.9.0.2/24\",7],\"socket_count\":9,\"sockets\":["
	"{\"proto\":\"tcp\",\"state\":1,\"local\":\"10.9.0.2:80\",\"peer\":\"10.9.0.1:5000\",\"recv_queue\":"
	"5,"
	"\"send_queue\":-1},"
	"{\"proto\":\"tcp\",\"state\":12,\"local\":\"10.9.0.2:80\",\"peer\":\"10.9.0.1:5000\"},"
	"{\"proto\":\"udp\",\"state\":7,\"local\":\"0.0.0.0:53\",\"peer\":\"0.0.0.0:0\"}]}";

/* What is told of a stack; a server on the host has none, whatever it says. */
static void parse_stack(void **state)
{
	static const char on_host[] =
		"{\"net\":\"host\",\"device\":\"tap:pb0\",\"socket_count\":9,\"sockets\":["
		"{\"proto\":\"udp\",\"state\":7,\"local\":\"0.0.0.0:53\",\"peer\":\"0.0.0.0:0\"}]}";
	struct running_server s;
	char text[PB_ADDR_TEXT];

	(void)state;
	for (size_t n = 0; n < strlen(stack_answer); n++)
		assert_false(running_server_parse(&s, stack_answer, n));
	assert_true(running_server_parse(&s, stack_answer, strlen(stack_answer)));
	assert_string_equal(s.device, "tap:pb0?[2J"); /* nothing that a terminal obeys */
	assert_int_equal(s.address_count, 2);
	assert_string_equal(s.addresses[0].text, "10.9.0.2/24");
	assert_string_equal(s.addresses[1].text, "");
	assert_int_equal(s.socket_count, 2);
	assert_int_equal(s.sockets_untold, 6);
	assert_string_equal(pb_addr_text(&s.sockets[0].peer, text), "10.9.0.1:5000");
	assert_int_equal(s.sockets[0].state, 1);
	assert_int_equal(s.sockets[0].recv_queue, 5);
	assert_int_equal(s.sockets[0].send_queue, 0);
	assert_int_equal(s.sockets[1].type, SOCK_DGRAM);
	running_server_free(&s);
	assert_true(running_server_parse(&s, on_host, strlen(on_host)));
	assert_int_equal(s.socket_count + s.sockets_untold, 0);
	assert_string_equal(s.device, "");
	running_server_free(&s);
}

static int listen_as(long id)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n = snprintf(addr.sun_path + 1, sizeof addr.sun_path - 1, "packetboat/serve/%ld", id);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)),
			 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static bool heard(const struct running_servers *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->servers[i].pid == getpid() && list->servers[i].uid == getuid() &&
		    list->servers[i].conn_count == 1)
			return true;
	return false;
}

/* One that answers, and beside it one that never does: the first is heard, the second not waited for for ever. */
static void ask(void **state)
{
	struct running_servers list;
	struct timespec a, b;
	int good = listen_as(getpid()), silent = listen_as(4000000000L + getpid());

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		int fd = accept(good, NULL, NULL);
		_exit(fd < 0 || write(fd, answer, strlen(answer)) < 0);
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(servers_read(&list), 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_true(heard(&list));
	assert_true(b.tv_sec - a.tv_sec <= 3);
	servers_free(&list);
	waitpid(child, NULL, 0);
	close(good);
	close(silent);
	assert_int_equal(servers_read(&list), 0);
	assert_false(heard(&list));
	servers_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(parse_stack),
		cmocka_unit_test(ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
