/*
 * The code of scripts, `%{ assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd }%`: of Python, what assertions on numbers need.
 *
 * Statements: assert VALUE[, MESSAGE]; NAME = VALUE, and +=, -=; print(VALUE). Values: numbers, names, fields of
 * tcp_info, arithmetic, comparisons (also in a row, 1 <= a < 3), and, or, not, parentheses, abs(), min(), max(). A text
 * stands where a message does, and nowhere else.
 */
#ifndef DRILL_CODE_H
#define DRILL_CODE_H

#include <stdbool.h>

#define CODE_NAMES_MAX 64
#define CODE_NAME_LEN  64
#define CODE_WHY_LEN   256

struct tcp_info;

/* What a script's code has given names to; zero it first. */
struct code_names {
	struct code_name {
		char name[CODE_NAME_LEN];
		double value;
	} name[CODE_NAMES_MAX];
	unsigned count;
};

/*
 * Run it. info: of the socket that is spoken of; NULL: there is none. False: why tells which assertion does not hold,
 * or what is not understood.
 */
bool drill_code_run(const char *code, struct code_names *names, const struct tcp_info *info,
		    char why[CODE_WHY_LEN]);

#endif
