/* The code of scripts. */
#include "drill/code.h"

#include <linux/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct tcp_info info = {
	.tcpi_snd_cwnd = 10, .tcpi_state = 1, .tcpi_rcv_wscale = 7, .tcpi_bytes_acked = UINT64_C(1) << 40
};

static void test_holds(void **state)
{
	static const char *const codes[] = {
		"assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
		("\n  assert 9 <= tcpi_snd_cwnd < 11\n  assert tcpi_state == TCP_ESTABLISHED; assert "
		 "tcpi_rcv_wscale == 7\n"),
		"assert (tcpi_options & TCPI_OPT_SYN_DATA) == 0, tcpi_options",
		"assert tcpi_snd_cwnd == 10, 'cwnd=%d; %s' % (tcpi_snd_cwnd, 1)\nassert 1",
		"assert not tcpi_snd_cwnd != 10 and (0 or 1)",
		"assert 7 // 2 == 3 and 7 / 2 == 3.5 and 7 % 4 == 3 and -7 // 2 == -4 and 2 + 3 * 4 == 14",
		"assert abs(-3) == 3 and max(1, 5, 2) == 5 and min(4, 3) == 3 and int(2.9) == 2",
		"cwnd = 9; cwnd += 2; cwnd -= 1 # a comment\nassert tcpi_snd_cwnd == cwnd",
		"X = 0x7fffffff; assert X == 2147483647",
		"assert tcpi_bytes_acked == 1099511627776",
		"print(tcpi_snd_cwnd); print('a; b')",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct code_names names = { .count = 0 };
		char why[CODE_WHY_LEN];
		if (!drill_code_run(codes[i], &names, &info, why))
			fail_msg("%s: %s", codes[i], why);
	}
}

static void test_does_not_hold(void **state)
{
	static const char *const codes[][2] = {
		{"assert tcpi_snd_cwnd == 9, 1", "does not hold: tcpi_snd_cwnd == 9; tcpi_snd_cwnd is 10"               },
		{ "x = 3; assert 2 < x < 3",     "does not hold: 2 < x < 3; x is 3"                                     },
		{ "assert 1 == 2",               "does not hold: 1 == 2"                                                },
		{ "assert tcpi_nothing == 1",    "'tcpi_nothing' means nothing"                                         },
		{ "assert 1 / 0",                "a division by 0"						      },
		{ "import os",                   "'import' is not understood: there is assert, print() and NAME = VALUE"},
		{ "assert .",                    "a value is missing at '.'"                                            },
		{ "assert (1",                   "')' is missing"						       },
		{ "assert exec(1)",              "there is no exec()"                                                   },
		{ "assert 1 1",                  "not understood: '1'"                                                  },
	};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct code_names names = { .count = 0 };
		char why[CODE_WHY_LEN];
		assert_false(drill_code_run(codes[i][0], &names, &info, why));
		assert_string_equal(why, codes[i][1]);
	}
}

static void test_without_connection(void **state)
{
	struct code_names names = { .count = 0 };
	char why[CODE_WHY_LEN], deep[300];

	(void)state;
	assert_false(drill_code_run("assert tcpi_rto", &names, NULL, why));
	assert_string_equal(why, "'tcpi_rto' is of a connection, and there is none yet");
	memset(deep, '(', sizeof deep);
	memcpy(deep, "assert ", 7);
	deep[sizeof deep - 1] = '\0';
	assert_false(drill_code_run(deep, &names, NULL, why));
	assert_string_equal(why, "values are nested deeper than 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_does_not_hold),
		cmocka_unit_test(test_without_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
