/*
 * What a connection counts for TCP_INFO only (RFC 4898 has most of it), and what its sending was limited by, and for
 * how long: the peer's window, the user's send buffer, or neither, while there was text that the peer had not
 * acknowledged.
 *
 * A connection that has slept counts anew: its record (idle.c) has no room for these.
 */
#ifndef PB_TRANSPORT_TCP_TALLY_H
#define PB_TRANSPORT_TCP_TALLY_H

#include <packetboat/time.h>
#include <stdbool.h>
#include <stdint.h>

#define TCP_REORDERING_LEAST 3   /* segments: Linux's tcp_reordering, and RFC 5681's three duplicates */
#define TCP_REORDERING_MOST  300 /* tcp_max_reordering */
#define TCP_RCV_MSS_FIRST    536 /* of a segment, until one has come */

enum tcp_busy {
	BUSY_NOT,
	BUSY_SENDING,
	BUSY_WINDOW,
	BUSY_BUFFER,
	BUSY_KINDS
}; /* the later outdo the earlier */

struct tcp_tally {
	pb_time began; /* of what it is busy with now */
	pb_time spent[BUSY_KINDS];
	uint8_t busy;        /* enum tcp_busy */
	bool wants_room;     /* the user was told that the buffer is full, and not yet that it no longer is */
	uint16_t rcv_mss;    /* of the longest segment that came */
	uint16_t reordering; /* by how many segments one was late, at most */
	uint32_t reorderings;
	uint32_t data_in, data_out; /* segments with text */
	uint32_t ahead;             /* of those that came, not in order */
	uint32_t twice;             /* that the peer told it had got before (D-SACK) */
	pb_time last_text;          /* when some came */
};

struct tcp_conn;

/* It is busy with this from now on, unless with something later in the list; or no longer with this. */
void pb_tcp_busy_begin(struct tcp_conn *c, enum tcp_busy kind);
void pb_tcp_busy_end(struct tcp_conn *c, enum tcp_busy kind);
/* How long it was in all, with kind; up to now. */
pb_time pb_tcp_busy_spent(const struct tcp_conn *c, enum tcp_busy kind);

/* One that was sent once has arrived after others that were sent later: bytes behind it. */
void pb_tcp_tally_reordered(struct tcp_conn *c, uint32_t bytes);

#endif
