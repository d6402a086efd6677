/*
 * What loss recovery knows of one flight of a connection that has SACK: when it was sent, what became of it, and what
 * RACK-TLP (RFC 8985), PRR (RFC 9937) and their undoing remember meanwhile.
 *
 * A connection has none while it is idle, nor while all that is in flight left in one go: tcp_conn.last_sent says
 * when. It keeps it beyond its flight, until the next one is acknowledged, only if what a probe of the tail was for is
 * still open.
 */
#ifndef PB_TRANSPORT_TCP_LOSS_H
#define PB_TRANSPORT_TCP_LOSS_H

#include "transport/tcp/congestion.h"
#include "transport/tcp/prr.h"
#include "transport/tcp/scoreboard.h"
#include "transport/tcp/send_times.h"

struct tcp_conn;
struct tcp_segment;

/* RFC 8985 §5.3: of what was delivered, the one that was sent last. */
struct rack {
	pb_time sent; /* RACK.xmit_ts; 0: nothing yet */
	seq end;      /* RACK.end_seq */
	seq fack;     /* one past the highest number delivered */
	pb_time rtt;  /* of the latest delivery */
	seq judged;   /* what was sent once, before this, is lost or delivered */
	seq round;    /* RACK.dsack_round; if in_round */
	bool in_round;
	uint32_t segments; /* RACK.segs_sacked */
};

/* RFC 8985 §7: a probe of the tail is in flight. */
struct tail_probe {
	bool active;
	bool again; /* it was sent before: TLP.is_retrans */
	seq end;    /* TLP.end_seq */
};

struct tcp_loss {
	struct rack rack;
	struct prr prr;
	struct tail_probe probe;
	struct scoreboard board;
	struct send_times times;
};

/*
 * What a recovery or a time-out has changed, for as long as it may turn out that nothing was lost (undo.c). A
 * connection has one from when it begins until what is sent after it is acknowledged.
 */
struct tcp_undo {
	struct tcp_congestion before;
	seq una;         /* SND.UNA when it began */
	seq first;       /* what is sent again first */
	seq ends;        /* SND.MAX when it was over; if over */
	uint32_t resent; /* bytes sent again, and not known to have come twice */
	uint32_t stamp;  /* our timestamp clock when something first was sent again */
	bool recovering; /* a time-out in a recovery, which had this end */
	seq recover;
	bool sent_again, over;
	bool waits_for_first; /* SND.UNA does */
	bool heard;           /* of what was sent again first */
	bool timed_out;
	/* F-RTO, RFC 5682 §3: the time-out's segment is on its way; new text is, where more could be sent again */
	enum { FRTO_OFF, FRTO_FIRST, FRTO_SECOND } frto;
};

/* What an acknowledgement says has arrived, and has not said before. */
struct delivery {
	uint32_t bytes;
	uint32_t late; /* of these, taken for lost, and not sent again */
	pb_time sent;  /* of the one that was sent last; 0: nothing was delivered that can be timed */
	seq end;       /* one past it */
	bool resent;   /* it was sent again */
	pb_time last; /* when that was sent which was looked at last: the highest, what is acknowledged after SACKed */
	bool reordered;
	seq late_start; /* of the first that was: what was sent later had come before it; if reordered */
	bool twice;     /* D-SACK: the peer had it already */
	struct seq_range duplicate;
	uint32_t lost; /* bytes that are found lost by this */
	const struct send_record
		*newest; /* the latest sent of those sent once; NULL: none. Until something is sent */
};

/* c->loss, made if there is none. NULL: there is no memory, and from now on no SACK. */
struct tcp_loss *pb_tcp_loss_need(struct tcp_conn *c);
void pb_tcp_loss_done(
	struct tcp_conn *c); /* all has been acknowledged? Then it goes, unless it is still needed */
void pb_tcp_loss_quiet(struct tcp_conn *c); /* SND.UNA has moved, and nothing is amiss */
void pb_tcp_loss_free(struct tcp_conn *c);
struct scoreboard *pb_tcp_loss_board(struct tcp_conn *c);
bool pb_tcp_loss_mark(struct tcp_conn *c, struct board_range r);
void pb_tcp_loss_sent(struct tcp_conn *c, seq at, seq end); /* before SND.MAX and last_sent move */
void pb_tcp_loss_all(struct tcp_conn *c);
void pb_tcp_loss_resend(struct tcp_conn *c); /* what is lost, as the congestion window allows */
/* Of len bytes at offset, how many come before what the peer has. */
uint32_t pb_tcp_loss_hole(struct tcp_conn *c, uint32_t offset, uint32_t len);

#endif
