/* Reading scripts: what each part of the language becomes, and what is said of what is no script. */
#include "drill/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct script script;

static const struct event *only(const char *text)
{
	assert_true(drill_script_parse(&script, text, strlen(text)));
	assert_non_null(script.events);
	assert_null(script.events->next);
	return script.events;
}

static void refused(const char *text, const char *error)
{
	assert_false(drill_script_parse(&script, text, strlen(text)));
	assert_string_equal(script.error, error);
	drill_script_free(&script);
}

static void test_times(void **state)
{
	static const struct {
		const char *text;
		enum event_time kind;
		pb_time from, to;
	} times[] = {
		{"0 %{}%",                 TIME_ABSOLUTE, 0,          0         },
		{ "1.5 %{}%",              TIME_ABSOLUTE, 1500000000, 1500000000},
		{ "+.1 %{}%",              TIME_RELATIVE, 100000000,  100000000 },
		{ "+0.000001 %{}%",        TIME_RELATIVE, 1000,       1000      },
		{ "* %{}%",                TIME_ANY,      0,          0         },
		{ "1~2 %{}%",              TIME_ABSOLUTE, 1000000000, 2000000000},
		{ "+.001~+.002 %{}%",      TIME_RELATIVE, 1000000,    2000000   },
		{ "// a comment\n0 %{}%",  TIME_ABSOLUTE, 0,          0         },
		{ "/* a\n */ # b\n0 %{}%", TIME_ABSOLUTE, 0,          0         },
	};

	(void)state;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		const struct event *e = only(times[i].text);
		assert_int_equal(e->time_kind, times[i].kind);
		assert_int_equal(e->time, times[i].from);
		assert_int_equal(e->time_end, times[i].to);
		drill_script_free(&script);
	}
}

static void test_segment(void **state)
{
	(void)state;
	const struct packet *p = only("+0 < [ect0] FP. 1:1001(1000) ack 7 win 257 urg 3 <nop,nop,TS val 1 "
				      "ecr 2,sack 9:11 20:30,eol,eol>")
					 ->packet;
	static const uint8_t options[] = { 1, 1, 8, 10, 0, 0,  0, 1, 0, 0,  0, 2, 5, 18, 0, 0,
					   0, 9, 0, 0,  0, 11, 0, 0, 0, 20, 0, 0, 0, 30, 0, 0 };
	assert_false(p->outbound);
	assert_int_equal(p->flags, TCP_FIN | TCP_PSH | TCP_ACK);
	assert_int_equal(p->seq, 1);
	assert_int_equal(p->len, 1000);
	assert_int_equal(p->ack, 7);
	assert_int_equal(p->window, 257);
	assert_int_equal(p->urgent, 3);
	assert_int_equal(p->tos_kind, TOS_ECN);
	assert_int_equal(p->tos, 2);
	assert_int_equal(p->options_len, sizeof options);
	assert_memory_equal(p->options, options, sizeof options);
	drill_script_free(&script);
}

static void test_flags(void **state)
{
	static const struct {
		const char *text;
		uint16_t flags;
	} flags[] = {
		{"0 > S 0:0(0)",          TCP_SYN                              },
		{ "0 > S. 0:0(0) ack 1",  TCP_SYN | TCP_ACK                    },
		{ "0 > SEW 0:0(0)",       TCP_SYN | TCP_ECE | TCP_CWR          },
		{ "0 > R 9:9(0)",         TCP_RST                              },
		{ "0 > - 9:9(0)",         0				    },
		{ "0 > .5 1:1(0) ack 1",  TCP_ACK | TCP_ECE | TCP_AE           },
		{ "0 > P.3 1:1(0) ack 1", TCP_ACK | TCP_PSH | TCP_ECE | TCP_CWR},
	};

	(void)state;
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		assert_int_equal(only(flags[i].text)->packet->flags, flags[i].flags);
		drill_script_free(&script);
	}
}

static void test_other_packets(void **state)
{
	(void)state;
	const struct packet *p = only("0 > 8080 > 5000 . 1:1(0) ack 1 <...>")->packet;
	assert_true(p->any_options && p->any_window);
	assert_int_equal(p->src_port, 8080);
	assert_int_equal(p->dst_port, 5000);
	drill_script_free(&script);
	p = only("0 < udp (100)")->packet;
	assert_int_equal(p->protocol, PACKET_UDP);
	assert_int_equal(p->len, 100);
	drill_script_free(&script);
	p = only("0 < icmp unreachable frag_needed mtu 1200 [1:1001(1000)]")->packet;
	assert_int_equal(p->protocol, PACKET_ICMP);
	assert_int_equal(p->type, 3);
	assert_int_equal(p->code, 4);
	assert_int_equal(p->mtu, 1200);
	assert_int_equal(p->quoted_seq, 1);
	assert_int_equal(p->quoted_len, 1000);
	drill_script_free(&script);
}

static void test_call(void **state)
{
	(void)state;
	const struct event *e = only("+0...0.2 poll([{fd=4, events=POLLIN|POLLOUT, revents=0}], 1, -1)\n"
				     " = -1 EAGAIN (Resource temporarily unavailable)");
	assert_int_equal(e->kind, EVENT_CALL);
	assert_true(e->call->blocks);
	assert_int_equal(e->call->returns, PB_MSEC(200));
	assert_string_equal(e->call->name, "poll");
	assert_string_equal(e->call->error, "EAGAIN");
	const struct expr *list = e->call->arguments, *record = list->first;
	assert_int_equal(list->kind, EXPR_LIST);
	assert_int_equal(record->kind, EXPR_RECORD);
	assert_string_equal(record->first->field, "fd");
	assert_int_equal(record->first->number, 4);
	assert_int_equal(record->first->next->kind, EXPR_OR);
	assert_int_equal(list->next->next->number, -1);
	drill_script_free(&script);
}

/* In place of a signature, its key: the option has zeroes. */
static void test_signatures(void **state)
{
	static const uint8_t zero[16];

	(void)state;
	const struct packet *p = only("0 > . 1:1(0) ack 1 <nop,nop,md5 \"secret\">")->packet;
	assert_string_equal(p->sign_key, "secret");
	assert_int_equal(p->options_len, 20);
	assert_memory_equal(p->options, "\1\1\23\22", 4);
	assert_memory_equal(p->options + 4, zero, 16);
	drill_script_free(&script);
	p = only("0 > . 1:1(0) ack 1 <ao 61 84 \"testvector\">")->packet;
	assert_string_equal(p->sign_key, "testvector");
	assert_int_equal(p->options_len, 16);
	assert_memory_equal(p->options, "\35\20=T", 4);
	assert_memory_equal(p->options + 4, zero, 12);
	drill_script_free(&script);
	p = only("0 > . 1:1(0) ack 1 <nop,nop,md5 000102030405060708090a0b0c0d0e0f>")->packet;
	assert_null(p->sign_key);
	assert_int_equal(p->options[19], 15);
	drill_script_free(&script);
	refused("0 > . 1:1(0) <ao 1 2>", "1: a key is wanted, as in md5 \"secret\" or ao 1 2 \"secret\"");
}

/* RFC 5482 §3.3. */
static void test_user_timeouts(void **state)
{
	(void)state;
	const struct packet *p = only("0 > . 1:1(0) ack 1 <uto 300 s,uto 5 min>")->packet;
	assert_int_equal(p->options_len, 8);
	assert_memory_equal(p->options, "\34\4\1\54\34\4\200\5", 8);
	drill_script_free(&script);
	refused("0 > . 1:1(0) <uto 300>", "1: a user time-out is written <uto 300 s> or <uto 5 min>");
	refused("0 > . 1:1(0) <uto 40000 s>", "1: a user time-out is from 0 to 32767, not 40000");
}

static void test_options(void **state)
{
	(void)state;
	only("--tolerance_usecs=10000\n--ip_version=ipv6 0 `sysctl -q net.ipv4.tcp_sack=0`");
	assert_string_equal(script.options->name, "tolerance_usecs");
	assert_string_equal(script.options->value, "10000");
	assert_string_equal(script.options->next->value, "ipv6");
	assert_string_equal(script.events->text, "sysctl -q net.ipv4.tcp_sack=0");
	drill_script_free(&script);
}

static void test_refused(void **state)
{
	(void)state;
	refused("", "1: the script is empty");
	refused("\n0 <", "2: flags are wanted, as in 'S.', 'P.' or '-'");
	refused("0 < . 1:1(0) ack 1", "1: a segment for the stack needs a window, 'win 1000'");
	refused("0 > . 1:3(1)", "1: from 1 to 3 it is 2 bytes, not 1");
	refused("0 > X 1:1(0)", "1: 'X' is no flag; they are F, S, R, P, ., U, E, W, A");
	refused("0 > . 1:1(0) <mss 1460,nop>",
		"1: options are 5 bytes, which is no multiple of 4: pad them with nop");
	refused("0 close(3", "1: ')' is wanted where the script ends");
	refused("0 `sysctl", "1: a quotation has no end");
	refused("0 %{ assert", "1: %{ has no }%");
	refused("/* 0", "1: a comment has no end");
	refused("2~1 %{}%", "1: a range of times ends before it begins");
	refused("0 > icmp nonsense", "1: there is no ICMP message 'nonsense '");
}

/* Each beginning of a script is one, or is refused with a reason; and values go only so deep. */
static void test_prefixes_and_depth(void **state)
{
	static const char text[] =
		"0 sendto(3, ..., 10, A|B, {sa_family = AF_INET}, ...) = -1 EPIPE (Broken pipe)\n"
		"+.1 < [ce] S. 1:2(1) ack 3 win 4 <mss 5,FO abcd>\n+0 `a b` +0 %{ assert 1 }%";
	char deep[200];

	(void)state;
	for (size_t len = 0; len < sizeof text; len++) {
		bool ok = drill_script_parse(&script, text, len);
		assert_true(ok == (script.error[0] == '\0'));
		drill_script_free(&script);
	}
	memset(deep, '[', sizeof deep);
	memcpy(deep, "0 f(", 4);
	assert_false(drill_script_parse(&script, deep, sizeof deep));
	assert_string_equal(script.error, "1: values are nested deeper than 32");
	drill_script_free(&script);
}

/* RFC 8200 §3: 20 bits, and a packet has it again when it is read. */
static void test_flow_labels(void **state)
{
	uint8_t bytes[200];
	size_t len = sizeof bytes;
	struct packet_ends ends = { .src_port = 1, .dst_port = 2 }, seen_ends;
	struct packet seen;
	const char *why;

	(void)state;
	assert_true(pb_ip_parse(&ends.src, "2001:db8::1") && pb_ip_parse(&ends.dst, "2001:db8::2"));
	const struct packet *p = only("+0 < (flowlabel 0xfedcb) . 1:1(0) ack 1 win 257")->packet;
	assert_int_equal(p->flow_label, 0xfedcb);
	assert_true(drill_packet_write(p, &ends, bytes, &len));
	assert_true(drill_packet_read(&seen, &seen_ends, bytes, len, &why));
	assert_int_equal(seen.flow_label, 0xfedcb);
	drill_script_free(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),       cmocka_unit_test(test_segment),
		cmocka_unit_test(test_flags),       cmocka_unit_test(test_other_packets),
		cmocka_unit_test(test_call),        cmocka_unit_test(test_options),
		cmocka_unit_test(test_signatures),  cmocka_unit_test(test_user_timeouts),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_prefixes_and_depth),
		cmocka_unit_test(test_flow_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
