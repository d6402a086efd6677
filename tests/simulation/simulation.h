/*
 * Two stacks on a bad wire in virtual time, talking over many connections at once. Everything follows from a
 * seed: what the wire does, how many connections there are, who says how much, in which pieces, how slowly he
 * reads, who closes first. With odd seeds connections sleep after a twentieth of a second, and wake for what is
 * said next. What the stacks think of ECN, where the wire marks, and who opens fast (RFC 7413), is chance, too.
 *
 * What must be true at the end: every byte arrived once and in order, or its receiver was told of an error;
 * every connection ended; and neither stack keeps a byte of memory for any of it.
 */
#ifndef PB_TESTS_SIMULATION_H
#define PB_TESTS_SIMULATION_H

#include <packetboat/packetboat.h>

/* What is wrong with the wire. */
enum trouble {
	LOSS_1,
	LOSS_5,
	LOSS_20,
	REORDERING,
	DUPLICATION,
	CORRUPTION,
	EVERYTHING,
	BLACK_HOLE,
	TROUBLES
};
extern const char *const trouble_name[TROUBLES];

struct outcome {
	bool ok;
	char why[256];               /* if not */
	unsigned talks;              /* connections */
	bool signs;                  /* by RFC 2385 or RFC 5925 */
	unsigned key_steps;          /* of changes of TCP-AO's keys */
	unsigned errors;             /* ends of connections at which an error was reported */
	int error;                   /* the first of them, as an errno */
	uint64_t bytes;              /* received by applications */
	uint64_t digest;             /* of all that happened: equal for equal seeds */
	pb_time took;                /* virtual */
	struct pb_counters counters; /* both stacks' */
};

/* capture: NULL, or a file for the frames that both received. */
struct outcome simulate(uint64_t seed, enum trouble trouble, const char *capture);

#endif
