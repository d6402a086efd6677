/*
 * A sequence diagram on 80 columns: time runs down, two sides stand left and right, and each row is an arrow from one
 * to the other, with the ports at its ends and each side's state beside it:
 *
 *   0.000 SYN-SENT      3022 - SYN seq 0 ---------------------> 80    SYN-RECEIVED
 */
#ifndef CLI_SEQUENCE_H
#define CLI_SEQUENCE_H

#include <packetboat/time.h>
#include <stdbool.h>
#include <stdio.h>

#define SEQUENCE_WIDTH 80

/* The sides of the diagram, and of what two things there are one for each. */
enum side { LEFT, RIGHT };

struct sequence_row {
	pb_time time;
	enum side from;
	const char *port[2];  /* 5 characters of it; both "": there are none (ARP, ICMP) */
	const char *state[2]; /* at most 12 */
	const char *text;     /* what the arrow says; what does not fit is cut off */
	bool lost;            /* it does not arrive */
};

/* Who stands where. */
void sequence_head(FILE *out, const char *left, const char *right);
/* Their states, while nothing is sent. */
void sequence_states(FILE *out, const char *left, const char *right);
void sequence_row(FILE *out, bool color, const struct sequence_row *row);

/* What a segment carries, under its arrow. */
void sequence_quote(FILE *out, const char *text);

#endif
