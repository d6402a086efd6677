/* Playing scripts: those that the stack fulfils pass, those that it does not fail with the line and the difference. */
#include "drill/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LISTEN                                                                                               \
	"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"                                                      \
	"+0 bind(3, ..., ...) = 0\n"                                                                         \
	"+0 listen(3, 1) = 0\n"
#define CALL                                                                                                 \
	"+0 < S 0:0(0) win 10000 <mss 1000>\n"                                                               \
	"+0 > S. 0:0(0) ack 1 <mss 1460>\n"                                                                  \
	"+.1 < . 1:1(0) ack 1 win 10000\n"
#define ACCEPT "+0 accept(3, ..., ...) = 4\n"
#define CONNECT                                                                                              \
	"0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"                                                      \
	"+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n"                                                      \
	"+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)\n"

static char *said;

static enum drill_verdict play(const char *text)
{
	static const struct drill_options options;
	size_t len;

	free(said);
	FILE *out = open_memstream(&said, &len);
	assert_non_null(out);
	enum drill_verdict verdict = drill_run("x.pkt", text, strlen(text), &options, out);
	fclose(out);
	return verdict;
}

static void passes(const char *text)
{
	if (play(text) != DRILL_PASSED)
		fail_msg("%s%s", text, said);
}

static void fails(const char *text, const char *why)
{
	assert_int_equal(play(text), DRILL_FAILED);
	assert_string_equal(said, why);
}

static void test_both_sides_of_a_call(void **state)
{
	(void)state;
	passes(LISTEN CALL ACCEPT "+0 write(4, ..., 3000) = 3000\n"
				  "+0 > P. 1:3001(3000) ack 1\n"
				  "+.1 < . 1:1(0) ack 3001 win 10000\n");
	passes(CONNECT "+0 > S 0:0(0) <...>\n"
		       "+.1 < S. 0:0(0) ack 1 win 10000 <mss 1000>\n"
		       "+0 > . 1:1(0) ack 1\n"
		       "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n"
		       "+0 %{ assert tcpi_state == TCP_ESTABLISHED and tcpi_snd_mss == 1000 }%\n");
}

static void test_calls_that_block(void **state)
{
	(void)state;
	passes(LISTEN "+0...0.1 accept(3, ..., ...) = 4\n" CALL);
	passes(LISTEN CALL ACCEPT "+0...0.2 read(4, ..., 10) = 10\n"
				  "+.2 < P. 1:11(10) ack 1 win 10000\n"
				  "+0 > . 1:1(0) ack 11\n"
				  "+0...0.05 poll([{fd=4, events=POLLIN, revents=0}], 1, 50) = 0\n");
	fails(LISTEN CALL ACCEPT "+0...0.1 read(4, ..., 10) = 10\n+.2 < P. 1:11(10) ack 1 win 10000\n",
	      "x.pkt:8: the call returned at 0.300000 s, expected at 0.200000 s (give or take 0.004000)\n");
	fails(LISTEN "+0 accept(3, ..., ...) = 4\n",
	      "x.pkt:4: accept() blocks; that is written with the time at which it returns\n");
}

static void test_what_differs_is_told(void **state)
{
	(void)state;
	fails(LISTEN CALL ACCEPT "+0 write(4, ..., 10) = 10\n+0 > . 1:10(9) ack 2\n",
	      "x.pkt:9: the packet at 0.100000 s differs in flags, length, ack\n"
	      "  expected > . 1:10(9) ack 2\n"
	      "  seen     > P. 1:11(10) ack 1 win 65535\n");
	fails(LISTEN CALL "+1 > . 1:1(0) ack 1\n",
	      "x.pkt:7: no packet by 1.104000 s\n  expected > . 1:1(0) ack 1\n");
	fails(LISTEN CALL ACCEPT "+.5 write(4, ..., 10) = 10\n+.1 > P. 1:11(10) ack 1\n",
	      "x.pkt:9: the packet was sent at 0.600000 s, expected at 0.700000 s (give or take 0.004000)\n");
	fails("0 close(3) = 0\n", "x.pkt:1: close(): expected 0, seen -1 EBADF (Bad file descriptor)\n");
	fails(LISTEN "+0 getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, [0], [4]) = 0\n",
	      "x.pkt:4: the option's value: expected 0, seen 1\n");
}

/* What the stack signs with one key is not what another makes; nor what is not signed. */
static void test_signatures(void **state)
{
	static const char call[] = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
				   "+0 setsockopt(3, IPPROTO_TCP, TCP_MD5SIG, {tcpm_key=\"secret\"}, 0) = 0\n"
				   "+0 bind(3, ..., ...) = 0\n"
				   "+0 listen(3, 1) = 0\n"
				   "+0 < S 0:0(0) win 1000 <nop,nop,md5 \"secret\",mss 1000>\n";
	char script[1024];

	(void)state;
	snprintf(script, sizeof script, "%s%s", call,
		 "+0 > S. 0:0(0) ack 1 <nop,nop,md5 \"secret\",mss 1460>\n");
	passes(script);
	snprintf(script, sizeof script, "%s%s", call,
		 "+0 > S. 0:0(0) ack 1 <nop,nop,md5 \"Secret\",mss 1460>\n");
	assert_int_equal(play(script), DRILL_FAILED);
	assert_non_null(strstr(said, "differs in options"));
	snprintf(script, sizeof script, "%s%s", call, "+0 > S. 0:0(0) ack 1 <mss 1460>\n");
	assert_int_equal(play(script), DRILL_FAILED);
	assert_non_null(strstr(said, "differs in options"));
}

static void test_strict(void **state)
{
	static const char text[] = LISTEN CALL ACCEPT "+0 write(4, ..., 10) = 10\n";
	static const struct drill_options strict = { .strict = true };
	size_t len;

	(void)state;
	passes(text);
	free(said);
	FILE *out = open_memstream(&said, &len);
	assert_int_equal(drill_run("x.pkt", text, strlen(text), &strict, out), DRILL_FAILED);
	fclose(out);
	assert_string_equal(said, "x.pkt:8: by the end a packet was sent at 0.100000 s that is not expected\n"
				  "  seen     > P. 1:11(10) ack 1 win 65535\n");
}

static void test_unreadable(void **state)
{
	(void)state;
	assert_int_equal(play("0 dance(3) = 0\n"), DRILL_UNREADABLE);
	assert_string_equal(said, "x.pkt:1: there is no call 'dance'\n");
	assert_int_equal(play("0 socket(..., SOCK_STRAEM, 0) = 3\n"), DRILL_UNREADABLE);
	assert_string_equal(said, "x.pkt:1: there is no constant 'SOCK_STRAEM'\n");
	assert_int_equal(play("0 <\n"), DRILL_UNREADABLE);
}

static void test_settings(void **state)
{
	(void)state;
	passes("`sysctl -q net.ipv4.tcp_syn_retries=1`\n" CONNECT
	       "+0 getsockopt(3, SOL_TCP, TCP_SYNCNT, [1], [4]) = 0\n"
	       "+0 > S 0:0(0) <...>\n"
	       "+1 > S 0:0(0) <...>\n"
	       "+2 getsockopt(3, SOL_SOCKET, SO_ERROR, [ETIMEDOUT], [4]) = 0\n");
	assert_string_equal(said, "");
	play("`sysctl -q net.ipv4.tcp_nonsense=1`\n0 %{}%\n");
	assert_string_equal(said, "x.pkt:1: note: 'net.ipv4.tcp_nonsense=1' means nothing here\n");
}

#define CALL_WITH_SACK                                                                                       \
	"+0 < S 0:0(0) win 10000 <mss 1000,nop,nop,sackOK>\n"                                                \
	"+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>\n"                                                   \
	"+.1 < . 1:1(0) ack 1 win 10000\n"

/* What comes twice is told of, or not (RFC 2883). */
static void test_dsack_setting(void **state)
{
	(void)state;
	passes(LISTEN CALL_WITH_SACK "+0 < P. 1:101(100) ack 1 win 10000\n"
				     "+0 > . 1:1(0) ack 101\n"
				     "+.1 < P. 1:101(100) ack 1 win 10000\n"
				     "+0 > . 1:1(0) ack 101 <nop,nop,sack 1:101>\n");
	passes("`sysctl -q net.ipv4.tcp_dsack=0`\n" LISTEN CALL_WITH_SACK
	       "+0 < P. 1:101(100) ack 1 win 10000\n"
	       "+0 > . 1:1(0) ack 101\n"
	       "+.1 < P. 1:101(100) ack 1 win 10000\n"
	       "+0 > . 1:1(0) ack 101\n");
}

/* How often text, and a SYN-ACK, are sent again before it is over. */
static void test_retry_settings(void **state)
{
	(void)state;
	passes("`sysctl -q net.ipv4.tcp_retries2=1`\n" LISTEN CALL ACCEPT "+0 write(4, ..., 10) = 10\n"
	       "+0 > P. 1:11(10) ack 1\n"
	       "+.3 > P. 1:11(10) ack 1\n"
	       "+.6 getsockopt(4, SOL_SOCKET, SO_ERROR, [ETIMEDOUT], [4]) = 0\n");
	passes("`sysctl -q net.ipv4.tcp_synack_retries=1`\n" LISTEN "+0 < S 0:0(0) win 10000 <mss 1000>\n"
	       "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
	       "+1 > S. 0:0(0) ack 1 <mss 1460>\n"
	       "+3 < . 1:1(0) ack 1 win 10000\n"
	       "+0 > R 1:1(0)\n");
}

/* The numbers of the script are its own: timestamps echoed come back as they were written. */
static void test_timestamps(void **state)
{
	(void)state;
	passes(LISTEN "+0 < S 7000:7000(0) win 10000 <mss 1000,sackOK,TS val 100 ecr 0>\n"
		      "+0 > S. 0:0(0) ack 7001 <mss 1460,sackOK,TS val 55 ecr 100>\n"
		      "+.1 < . 1:1(0) ack 1 win 10000 <nop,nop,TS val 101 ecr 55>\n" ACCEPT
		      "+0 %{ assert 99000 < tcpi_rtt < 101000 }%\n"
		      "+0 < P. 11:21(10) ack 1 win 10000 <nop,nop,TS val 102 ecr 55>\n"
		      "+0 > . 1:1(0) ack 1 <nop,nop,TS val 56 ecr 101,nop,nop,sack 11:21>\n");
}

static int forget(void **state)
{
	(void)state;
	free(said);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_of_a_call),
		cmocka_unit_test(test_calls_that_block),
		cmocka_unit_test(test_what_differs_is_told),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_dsack_setting),
		cmocka_unit_test(test_retry_settings),
		cmocka_unit_test(test_timestamps),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
