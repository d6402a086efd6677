/*
 * A sequence diagram of what hosts send each other, drawn on standard output while it happens.
 *
 * Between a host's stack and the device that it would have goes a card, which notes each frame that the stack sends or
 * gets. A frame becomes a row once it is known what became of it, with the states of the connection at either end:
 * the sender's when its stack has sent all that it had to, the receiver's when its stack has dealt with the frame. In
 * both cases no program has acted on it yet.
 */
#ifndef CLI_DIAGRAM_H
#define CLI_DIAGRAM_H

#include "cli/frame_text.h"
#include "cli/sequence.h"

#include <packetboat/packetboat.h>

#define DIAGRAM_CARDS_MAX   16
#define DIAGRAM_QUOTE_MAX   48
#define DIAGRAM_PENDING_MAX 256 /* frames whose fate is not known; beyond that they are not drawn */

struct diagram;

/* Fill in the first part. */
struct card {
	struct ip address;
	enum side side;
	const char *mark;       /* in front of its ports, where a side has several hosts; or "" */
	struct pb_stack *stack; /* that the card is attached to; NULL: the host is off */
	bool unplugged;         /* nothing gets out or in */

	struct pb_device device; /* for the stack. Closing it leaves the cable as it is */
	struct diagram *diagram;
	struct pb_device *cable; /* its owner's */
	struct arrow *arrived;   /* the last frame that came, and that the stack may be at work on */
};

/* A frame that was sent. */
struct arrow {
	pb_time sent;
	const struct card *from;
	const uint8_t *memory; /* where its bytes are, by which it is known again */
	struct frame_text frame;
	const char *state[2]; /* by side */
	char quote[DIAGRAM_QUOTE_MAX];
	bool state_due; /* the sender's stack is not yet through with what made it send this */
	enum { ON_ITS_WAY, ARRIVED, TAKEN, LOST } fate; /* TAKEN: its receiver has dealt with it */
};

/* All zero, but for the first part. */
struct diagram {
	pb_time way_max;  /* what has not arrived after so long never will */
	bool color, slow; /* slow: for people to follow */
	bool quotes;      /* show the first line of what segments carry */

	pb_time start; /* where its time begins */
	struct card *cards[DIAGRAM_CARDS_MAX];
	size_t card_count;
	struct frame_flows flows;
	struct frame_text said[2];                 /* the last frame with text that each side has sent */
	struct arrow pending[DIAGRAM_PENDING_MAX]; /* a ring, the oldest first */
	size_t first, count;
	uint64_t sent; /* frames, in all */
};

/* Put a card at the end of a cable. At most DIAGRAM_CARDS_MAX. */
void card_plug(struct card *c, struct diagram *g, struct pb_device *cable);

/* The card's stack is about to be closed. */
void card_leave(struct card *c, pb_time now);

/* A new diagram, whose time begins now, and who stands where in it. */
void diagram_begin(struct diagram *g, pb_time now, const char *left, const char *right);

/* Draw what is known by now. */
void diagram_update(struct diagram *g, pb_time now);

/* A row without an arrow: in which states two hosts are with regard to a port, while nobody calls. */
void diagram_states(const struct card *left, const struct card *right, uint16_t port);

#endif
