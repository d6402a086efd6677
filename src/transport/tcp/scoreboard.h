/*
 * The sender's scoreboard (RFC 2018 §5): what became of the sequence numbers in flight, as ranges apart from each
 * other, each with a state. What is in no range was sent once, and nothing was heard of it.
 *
 * A treap: ranges in order of sequence numbers, a heap by chance, which a peer cannot know. So whatever blocks a peer
 * makes up, each costs O(log n) steps, and n is bounded by what the caller allows. Ranges that were sent again hang in
 * a list, too, in the order in which they were.
 */
#ifndef PB_TRANSPORT_TCP_SCOREBOARD_H
#define PB_TRANSPORT_TCP_SCOREBOARD_H

#include "transport/tcp/seq.h"

#include <packetboat/time.h>

enum range_state {
	RANGE_SACKED, /* the peer has it */
	RANGE_LOST,   /* to be sent again */
	RANGE_RESENT, /* sent again */
	RANGE_STATES,
	RANGE_QUIET = RANGE_STATES /* of no range */
};

#define SCOREBOARD_RANGES_MAX                                                                                \
	(1 << 18) /* 12 MB: every second one lost of what 10 Gbit/s have in flight over 300 ms */

struct board_range {
	seq start, end;
	enum range_state state;
	pb_time sent; /* lost or sent again: when it last was sent again; 0: it was not, before it was lost */
};

struct scoreboard {
	struct board_node *nodes; /* NULL: nothing was ever marked. nodes[0] is nobody */
	uint32_t room, unused;    /* places in all; the first of a list of free ones */
	uint32_t root, count;
	uint32_t oldest, latest;      /* RANGE_RESENT, by .sent */
	uint32_t bytes[RANGE_STATES]; /* sequence numbers in each state */
	uint32_t chance;              /* not 0 */
};

/* A part of what is marked or acknowledged, as it was before; in order. RANGE_QUIET ones, too. */
typedef void board_visitor(void *context, const struct board_range *was);

void pb_board_init(struct scoreboard *b, uint32_t chance);
void pb_board_fini(struct scoreboard *b);

/*
 * Whatever r was is now state; neighbours of one state become one, but for RANGE_RESENT. visit may be NULL. False, and
 * nothing has changed: there would be more than ranges_max ranges, or there is no memory.
 */
bool pb_board_mark(struct scoreboard *b, struct board_range r, uint32_t ranges_max, board_visitor *visit,
		   void *context);
/* What is quiet between start and end is lost. False: not all of it could be marked. */
bool pb_board_lose(struct scoreboard *b, seq start, seq end);
/* Nothing before ack is in flight any more; una was the first before. */
void pb_board_acked(struct scoreboard *b, seq una, seq ack, board_visitor *visit, void *context);
/* What was lost, and not sent again, is quiet; una: the first in flight. */
void pb_board_unlose(struct scoreboard *b, seq una);
void pb_board_clear(struct scoreboard *b);

/* The first range that ends behind s, the first that is lost, the one sent again longest ago. False: there is none. */
bool pb_board_find(const struct scoreboard *b, seq s, struct board_range *r);
bool pb_board_first_lost(const struct scoreboard *b, struct board_range *r);
bool pb_board_oldest_resent(const struct scoreboard *b, struct board_range *r);

#endif
