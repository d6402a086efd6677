/* The small services, over TCP and UDP. */
#include "service/service.h"

#include "serving.h"
#include "skip.h"

#include <time.h>

enum { ECHO, DISCARD, CHARGEN, DAYTIME, TIME };

static struct serving s;

static int begin(void **state)
{
	static const char *const specs[] = { "echo://127.0.0.1:0", "discard://127.0.0.1:0",
					     "chargen://127.0.0.1:0", "daytime://127.0.0.1:0",
					     "time://127.0.0.1:0" };

	(void)state;
	serving_begin(&s, specs, 5);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serving_end(&s);
	return 0;
}

/* TCP and UDP have the same port: each service has two sockets. */
static struct pb_socket *call(int service, int type)
{
	return serving_call(&s, type, serving_port(&s, (size_t)service * 2), 0);
}

/* More than all buffers between hold: the caller sends what he can before he reads, then closes his side. */
static void echo_stream(void **state)
{
	static char sent[8 << 20], got[sizeof sent + 1];
	struct pb_socket *c = call(ECHO, SOCK_STREAM);
	size_t done = 0, have = 0;

	(void)state;
	for (size_t i = 0; i < sizeof sent; i++)
		sent[i] = (char)(i * 2654435761u >> 13);
	for (int stuck = 0; done < sizeof sent && stuck < 50;) {
		ssize_t n = pb_send(c, sent + done, sizeof sent - done, 0);
		stuck = n > 0 ? 0 : stuck + 1;
		done += n > 0 ? (size_t)n : 0;
		serving_turn(&s);
	}
	while (done < sizeof sent) {
		ssize_t n = pb_send(c, sent + done, sizeof sent - done, 0);
		done += n > 0 ? (size_t)n : 0;
		n = serving_recv(&s, c, got + have, sizeof got - have, 0);
		assert_true(n > 0 || n == -EAGAIN);
		have += n > 0 ? (size_t)n : 0;
		serving_turn(&s);
	}
	assert_int_equal(pb_shutdown(c, SHUT_WR), 0);
	have += serving_recv_all(&s, c, got + have, sizeof got - have);
	assert_int_equal(have, sizeof sent);
	assert_memory_equal(got, sent, sizeof sent);
	pb_close(c);
}

static void echo_datagram(void **state)
{
	struct pb_socket *c = call(ECHO, SOCK_DGRAM);
	char got[100];

	(void)state;
	assert_int_equal(pb_send(c, "ahoy", 4, 0), 4);
	assert_int_equal(serving_recv(&s, c, got, sizeof got, PATIENCE), 4);
	assert_memory_equal(got, "ahoy", 4);
	assert_int_equal(pb_send(c, "", 0, 0), 0);
	assert_int_equal(serving_recv(&s, c, got, sizeof got, PATIENCE), 0);
	pb_close(c);
}

static void discard_stream(void **state)
{
	struct pb_socket *c = call(DISCARD, SOCK_STREAM);
	char got[10];

	(void)state;
	assert_int_equal(pb_send(c, "ahoy", 4, 0), 4);
	assert_int_equal(pb_shutdown(c, SHUT_WR), 0);
	assert_int_equal(serving_recv(&s, c, got, sizeof got, PATIENCE), 0);
	pb_close(c);
}

/* RFC 864: line n begins with the n-th printing character and has 72 of them. */
static void chargen_stream(void **state)
{
	static char got[300 * 74];
	struct pb_socket *c = call(CHARGEN, SOCK_STREAM);

	(void)state;
	assert_int_equal(serving_recv_all(&s, c, got, sizeof got), sizeof got);
	assert_memory_equal(got, " !\"#$%&'()*+,-./0123456789", 26);
	for (int line = 0; line < 300; line++) {
		for (int column = 0; column < 72; column++)
			assert_int_equal(got[line * 74 + column], ' ' + (line + column) % 95);
		assert_memory_equal(got + line * 74 + 72, "\r\n", 2);
	}
	pb_close(c);
}

static void chargen_datagram(void **state)
{
	struct pb_socket *c = call(CHARGEN, SOCK_DGRAM);
	char got[2000];

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(pb_send(c, "?", 1, 0), 1);
		ssize_t n = serving_recv(&s, c, got, sizeof got, PATIENCE);
		assert_in_range(n, 0, 512);
		assert_true(n == 0 || got[0] == ' ');
	}
	pb_close(c);
}

static void check_line(char *line, size_t len)
{
	struct tm tm = { 0 };

	line[len] = '\0';
	const char *rest = strptime(line, "%A, %B %d, %Y %H:%M:%S-UTC", &tm);
	if (!rest || strcmp(rest, "\r\n") != 0)
		fail_msg("'%s'", line);
	assert_in_range(timegm(&tm), time(NULL) - 5, time(NULL));
}

static void check_number(const char *got, size_t len)
{
	const uint8_t *b = (const uint8_t *)got;

	assert_int_equal(len, 4);
	uint32_t n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	assert_in_range((uint32_t)(time(NULL) + 2208988800) - n, 0, 5);
}

/* What the caller had sent must not turn the goodbye into a reset that eats the answer. */
static void times_stream(void **state)
{
	char got[200];

	(void)state;
	for (int service = DAYTIME; service <= TIME; service++) {
		struct pb_socket *c = call(service, SOCK_STREAM);
		assert_int_equal(pb_send(c, "unasked", 7, 0), 7);
		for (int i = 0; i < 5; i++)
			serving_turn(&s);
		size_t len = serving_recv_all(&s, c, got, sizeof got - 1);
		if (service == DAYTIME)
			check_line(got, len);
		else
			check_number(got, len);
		pb_close(c);
	}
}

static void times_datagram(void **state)
{
	char got[200];

	(void)state;
	for (int service = DAYTIME; service <= TIME; service++) {
		struct pb_socket *c = call(service, SOCK_DGRAM);
		assert_int_equal(pb_send(c, "", 0, 0), 0);
		ssize_t n = serving_recv(&s, c, got, sizeof got - 1, PATIENCE);
		assert_true(n > 0);
		if (service == DAYTIME)
			check_line(got, (size_t)n);
		else
			check_number(got, (size_t)n);
		pb_close(c);
	}
}

/* From port 19 a datagram gets no answer, whoever sent it. */
static void no_answer_to_a_small_service(void **state)
{
	union pb_addr from = loopback(19);
	struct pb_socket *c;
	char got[10];

	(void)state;
	assert_int_equal(pb_socket_open(s.net, AF_INET, SOCK_DGRAM, 0, &c), 0);
	int rc = pb_bind(c, &from.sa, pb_addr_len(&from));
	pb_close(c);
	if (rc < 0)
		SKIP("port 19 is not to be had here: %s", strerror(-rc));
	c = serving_call(&s, SOCK_DGRAM, serving_port(&s, (size_t)ECHO * 2), 19);
	assert_int_equal(pb_send(c, "loop", 4, 0), 4);
	assert_int_equal(serving_recv(&s, c, got, sizeof got, PB_MSEC(100)), -EAGAIN);
	pb_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_stream),      cmocka_unit_test(echo_datagram),
		cmocka_unit_test(discard_stream),   cmocka_unit_test(chargen_stream),
		cmocka_unit_test(chargen_datagram), cmocka_unit_test(times_stream),
		cmocka_unit_test(times_datagram),   cmocka_unit_test(no_answer_to_a_small_service),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
