/* Rows of sequence diagrams: 80 columns to the character, whatever they hold. */
#include "cli/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is_row(const struct sequence_row *row, bool color, const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	sequence_row(out, color, row);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void both_ways(void **state)
{
	struct sequence_row row = {
		.time = PB_MSEC(1234),
		.from = LEFT,
		.port = {"3022",      "80"          },
		.state = { "SYN-SENT", "SYN-RECEIVED"},
		.text = "SYN seq 0"
	};

	(void)state;
	is_row(&row, false,
	       "  1.234 SYN-SENT      3022 - SYN seq 0 ---------------------> 80    SYN-RECEIVED\n");
	row.from = RIGHT;
	is_row(&row, false,
	       "  1.234 SYN-SENT      3022 <--------------------- SYN seq 0 - 80    SYN-RECEIVED\n");
}

static void what_does_not_arrive(void **state)
{
	struct sequence_row row = {
		.from = LEFT,
		.port = {"49152",        "65535" },
		.state = { "ESTABLISHED", "(lost)"},
		.text = "ACK seq 1 ack 1",
		.lost = true
	};

	(void)state;
	is_row(&row, false,
	       "  0.000 ESTABLISHED  49152 - ACK seq 1 ack 1 -----------X     65535       (lost)\n");
	row.from = RIGHT;
	is_row(&row, true,
	       "\033[31m  0.000 ESTABLISHED  49152     X----------- ACK seq 1 ack 1 - 65535       "
	       "(lost)\033[0m\n");
}

static void without_ports(void **state)
{
	struct sequence_row row = {
		.from = LEFT, .port = {"",  ""},
                     .state = { "", ""},
                     .text = "ARP who has 192.168.1.1?"
	};

	(void)state;
	is_row(&row, false, "  0.000              - ARP who has 192.168.1.1? ------------------>\n");
	row.state[RIGHT] = "(nobody)";
	row.lost = true;
	is_row(&row, false,
	       "  0.000              - ARP who has 192.168.1.1? --------------X         (nobody)\n");
}

/* Each length of text, up to far beyond what fits: the row stays as wide as it is. */
static void any_text(void **state)
{
	char words[200] = "";

	(void)state;
	for (size_t n = 0; n < sizeof words - 1; n++) {
		for (int way = 0; way < 8; way++) {
			struct sequence_row row = {
				.from = way & 1 ? LEFT : RIGHT,
				.port = {way & 2 ? "1" : "", way & 2 ? ".222:65535" : ""},
				.state = { "ESTABLISHED",     "SYN-RECEIVED"             },
				.text = words,
				.lost = way & 4
			};
			char *text = NULL;
			size_t len = 0;
			FILE *out = open_memstream(&text, &len);
			sequence_row(out, false, &row);
			fclose(out);
			assert_int_equal(len, SEQUENCE_WIDTH + 1);
			free(text);
		}
		words[n] = 'x';
	}
}

static void head_and_states(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	sequence_head(out, "177.41.72.6", "41.199.222.3");
	sequence_states(out, "CLOSED", "LISTEN");
	sequence_quote(out, "GET / HTTP/1.1");
	fclose(out);
	assert_string_equal(
		text, "seconds 177.41.72.6                                                 41.199.222.3\n"
		      "        CLOSED                                                            LISTEN\n"
		      "                           | GET / HTTP/1.1\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),       cmocka_unit_test(what_does_not_arrive),
		cmocka_unit_test(without_ports),   cmocka_unit_test(any_text),
		cmocka_unit_test(head_and_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
