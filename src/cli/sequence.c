#include "cli/sequence.h"

#include <string.h>

/* Columns: time, the left side's state and port, the arrow, the right side's port and state; a space between each. */
#define TIME_WIDTH  7
#define STATE_WIDTH 12
#define PORT_WIDTH  5
#define ARROW_WIDTH (SEQUENCE_WIDTH - TIME_WIDTH - 2 * STATE_WIDTH - 2 * PORT_WIDTH - 5)
#define ARROW_AT    (TIME_WIDTH + STATE_WIDTH + PORT_WIDTH + 3)
#define LOST_SHORT  4 /* an arrow that does not arrive ends so much earlier */

#define RED   "\033[31m"
#define PLAIN "\033[0m"

static void dashes(char *to, size_t n)
{
	memset(to, '-', n);
}

/*
 * The arrow as width characters: "- TEXT ---->", "<---- TEXT -", or with an X, and blanks, where it ends too early. The
 * text comes near to whom it is from.
 */
static void draw(char *arrow, size_t width, const struct sequence_row *row)
{
	size_t reach = row->lost ? width - LOST_SHORT : width,
	       room = reach - 4; /* without "- ", " " and the head */
	size_t len = strlen(row->text) < room ? strlen(row->text) : room;
	char *tail = row->from == LEFT ? arrow : arrow + width - 1;
	char *text = row->from == LEFT ? arrow + 2 : tail - 1 - len;
	char *head = row->from == LEFT ? arrow + reach - 1 : arrow + width - reach;

	memset(arrow, ' ', width);
	arrow[width] = '\0';
	*tail = '-';
	memcpy(text, row->text, len);
	if (row->from == LEFT)
		dashes(text + len + 1, (size_t)(head - text) - len - 1);
	else
		dashes(head + 1, (size_t)(text - head) - 2);
	*head = row->lost ? 'X' : row->from == LEFT ? '>' : '<';
}

void sequence_head(FILE *out, const char *left, const char *right)
{
	fprintf(out, "%*s %-*s%*s\n", TIME_WIDTH, "seconds", ARROW_AT - TIME_WIDTH - 1, left,
		SEQUENCE_WIDTH - ARROW_AT, right);
}

void sequence_states(FILE *out, const char *left, const char *right)
{
	fprintf(out, "%*s %-*s%*s\n", TIME_WIDTH, "", STATE_WIDTH, left,
		SEQUENCE_WIDTH - TIME_WIDTH - 1 - STATE_WIDTH, right);
}

void sequence_row(FILE *out, bool color, const struct sequence_row *row)
{
	bool ports = row->port[LEFT][0] || row->port[RIGHT][0];
	char arrow[SEQUENCE_WIDTH + 1];

	draw(arrow, ports ? ARROW_WIDTH : ARROW_WIDTH + 2 * (PORT_WIDTH + 1), row);
	fputs(color && row->lost ? RED : "", out);
	fprintf(out, "%*.3f %-*s ", TIME_WIDTH, (double)row->time / 1e9, STATE_WIDTH, row->state[LEFT]);
	if (ports)
		fprintf(out, "%*.*s ", PORT_WIDTH, PORT_WIDTH, row->port[LEFT]);
	fputs(arrow, out);
	int len = ports ? fprintf(out, " %.*s", PORT_WIDTH, row->port[RIGHT]) : PORT_WIDTH + 1;
	if (row->state[RIGHT][0])
		fprintf(out, " %*s", STATE_WIDTH + PORT_WIDTH + 1 - len, row->state[RIGHT]);
	fprintf(out, "%s\n", color && row->lost ? PLAIN : "");
}

void sequence_quote(FILE *out, const char *text)
{
	fprintf(out, "%*s| %.*s\n", ARROW_AT, "", SEQUENCE_WIDTH - ARROW_AT - 2, text);
}
