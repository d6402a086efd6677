/*
 * TCP (RFC 9293): what sockets may call. What the files of this directory give each other is in headers of their own
 * names, a connection's record in conn.h, what all share in layer.h, what can be set in settings.h. The files:
 *
 *   tcp.c        the layer: who gets a segment            user.c      the calls of §3.10.1-6
 *   state.c      the states, their diagram and table      conn.c      a connection's memory, its beginning and end
 *   input.c      SEGMENT ARRIVES, §3.10.7.4               listen.c    listeners, SYN records; cookie.c  SYN cookies
 *   syn_sent.c   SEGMENT ARRIVES in SYN-SENT, §3.10.7.3   timewait.c  TIME-WAIT
 *   text.c       text and FIN, §3.10.7.4 sixth to eighth   idle.c      connections that sleep
 *   acks.c       when text that came is acknowledged
 *   recvq.c      text in order; ooo.c  text that is not   isn.c       initial sequence numbers, RFC 6528
 *   reset.c      resets and challenge ACKs                info.c      TCP_INFO
 *   error.c      what ICMP tells                          sendq.c     text to send and sent, by reference
 *   paws.c       timestamps that are too old, RFC 7323
 *   push.c       where PSH is                             tally.c     what is counted for TCP_INFO
 *   output.c     what to send now                         window.c    the windows, both ways
 *   recovery.c   what acknowledgements say of losses      rtt.c       RTT and RTO, RFC 6298
 *   rack.c       losses found by time, RFC 8985           tail.c      probes of the tail, RFC 8985
 *   loss.c       the record of a flight with SACK         fast_retransmit.c  losses found by counting, without SACK
 *   scoreboard.c what became of what is in flight         send_times.c       when it was sent
 *   undo.c       recoveries that were for nothing: RFC 5682, 3522, 4015
 *   ecn.c        marks in place of losses, RFC 3168        ecn_setup.c  and who agrees on them
 *   accecn.c     more accurate feedback of marks, RFC 9768
 *   prr.c        the window in a recovery, RFC 9937       sack.c      the blocks that we send, RFC 2018
 *   timers.c     retransmit, persist, delayed ACK, keepalive, user time-out
 *   fast_open.c  text in the SYN, RFC 7413              uto.c        user time-outs told, RFC 5482
 *   buffers.c    how large buffers are                    pacing.c    how much leaves at once
 *   plpmtud.c    how long segments may be, RFC 4821       urgent.c    urgent data, RFC 6093
 *   auth.c       signed segments, RFC 2385, RFC 5925: keys in auth_keys.c, MACs in auth_mac.c and ao_algorithm.c
 *   congestion.c how much may be in flight: cubic.c (RFC 9438) with hystart.c (RFC 9406), newreno.c (RFC 5681),
 *                bbr.c with bbr_model.c and bbr_cycle.c (draft-ietf-ccwg-bbr)    rate.c  how fast it is delivered
 *
 * A segment climbs: pb_tcp_input() finds whose it is, walks the RFC's list, and leaves the connection on
 * t->pending if it has something to say. pb_tcp_flush(), called by the stack once a batch, says it: so one
 * acknowledgement answers a batch, and what the application answers at once can carry it. News for the
 * application climb as readiness (base/env.h).
 *
 * Life: a connection belongs to its owner (the socket) and to the protocol. It is freed when both have done
 * with it: the owner by pb_tcp_close(), the protocol by reaching CLOSED. In TIME-WAIT the protocol's half is
 * a record of its own. While it is silent, all of it is: the owner keeps the pair's entry, which is one or the other,
 * and wakes it (pb_tcp_awake()) for what needs a connection.
 */
#ifndef PB_TRANSPORT_TCP_TCP_H
#define PB_TRANSPORT_TCP_TCP_H

#include "net/internet.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/layer.h"
#include "transport/tcp/listen.h"
#include "transport/tcp/settings.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct tcp_info;

int pb_tcp_new(struct env *env, struct internet *net, const struct tcp_limits *limits, struct tcp **t);
void pb_tcp_free(struct tcp *t); /* every owner has closed; what lives on is dropped without a word */

/* A segment; takes packet->buf. Bad ones are dropped and counted, strays answered with a reset. */
void pb_tcp_input(struct tcp *t, struct ip_packet *packet);

/*
 * Send what input and users have left to be sent. The stack calls it after each batch of frames and before it
 * sleeps.
 */
void pb_tcp_flush(struct tcp *t);

static inline bool pb_tcp_has_pending(const struct tcp *t)
{
	return !list_empty(&t->pending);
}

/* What ICMP tells of a segment of ours (RFC 5927: believed only if its sequence number is in flight). */
void pb_tcp_complaint(struct tcp *t, const struct ip_error *e);

/* Everything that netstat shows: listeners, SYN records, connections, TIME-WAITs. */
struct tcp_entry_info {
	struct socket_pair pair;
	enum tcp_state state;
	uint32_t receive_queue,
		/* as ss(8) has them: bytes unread, bytes unacknowledged; listener: waiting, backlog */
		send_queue;
	void *owner;
};
void pb_tcp_each(struct tcp *t, void (*fn)(const struct tcp_entry_info *i, void *context), void *context);

/*
 * OPEN, active (§3.10.1). local: a binding already made (its port is kept), or NULL: address and ephemeral
 * port are chosen. 0 and *c in SYN-SENT, its SYN sent; -ENETUNREACH, -EADDRNOTAVAIL (the pair is taken, or all
 * ports are), -ENOBUFS.
 */
int pb_tcp_connect(struct tcp *t, const struct tcp_settings *set, struct binding *local, const struct ip *to,
		   uint16_t port, void *owner, struct tcp_conn **c);

/*
 * OPEN whose SYN waits for the first text, which it will carry (RFC 7413). -EOPNOTSUPP: this is off. pb_tcp_connect()
 * does the same where set->fast_open_connect asks for it and there is a cookie.
 */
int pb_tcp_connect_fast(struct tcp *t, const struct tcp_settings *set, struct binding *local,
			const struct ip *to, uint16_t port, void *owner, struct tcp_conn **c);

/*
 * SEND. Copies. Bytes taken; -EAGAIN, -EPIPE, or the pending error. flags: MSG_MORE, hold back what does not fill a
 * segment; MSG_EOR, what comes after this shares no segment with it; MSG_OOB, the last byte taken is urgent.
 * Where the SYN waits: what fits into it; -EINPROGRESS: it left with nothing.
 */
ssize_t pb_tcp_send(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, int flags);

/* What waits for more to come leaves, although it is less than a segment (TCP_NODELAY is set, TCP_CORK or not). */
void pb_tcp_push(struct tcp_conn *c);

/*
 * SEND without a copy: takes text on success (0), all of it; -EAGAIN when the buffer is full, -EMSGSIZE beyond
 * TCP_GIVE_MAX: text stays the caller's.
 */
int pb_tcp_give(struct tcp_conn *c, struct pb_buf *text);

/* RECEIVE. Bytes; 0: the end; -EAGAIN; the pending error. peek: they stay. */
ssize_t pb_tcp_receive(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, bool peek);

/*
 * RECEIVE without a copy: the next packet of text, handed over; NULL and *why: 0 the end, -EAGAIN, or the
 * pending error.
 */
struct pb_buf *pb_tcp_take(struct tcp_conn *c, int *why);

/*
 * Half a CLOSE: SHUT_WR queues FIN; SHUT_RD: what comes from now on is acknowledged and dropped, as Linux
 * does. 0, -ENOTCONN.
 */
int pb_tcp_shutdown(struct tcp_conn *c, int how);

/*
 * CLOSE: the owner leaves; the connection is gone for it. Unread text, or reset: it is aborted with RST (RFC
 * 2525 §2.17).
 */
void pb_tcp_close(struct tcp_conn *c, bool reset);

/* ABORT: RST to the peer, error to the owner. */
void pb_tcp_abort(struct tcp_conn *c, int error);

/* What of POLLIN, POLLPRI, POLLOUT, POLLRDHUP, POLLHUP, POLLERR is true now, as Linux's tcp_poll(). */
int pb_tcp_ready(const struct tcp_conn *c);

/* New settings take effect (buffers, keepalive, nodelay, …): call after c->set was changed. */
void pb_tcp_settings_changed(struct tcp_conn *c);

/* The binding (bound already) moves into the listener. 0 and *l; -EADDRINUSE. */
int pb_tcp_listen(struct tcp *t, const struct tcp_settings *set, struct binding *local, unsigned backlog,
		  void *owner, struct tcp_listener **l);
void pb_tcp_listener_close(struct tcp_listener *l); /* those that wait to be accepted are reset */
struct tcp_conn *pb_tcp_accept(struct tcp_listener *l, void *owner); /* NULL: nobody waits */

void pb_tcp_info(const struct tcp_conn *c, struct tcp_info *info);

const char *pb_tcp_state_name(enum tcp_state state);       /* as the RFC writes them: "SYN-RECEIVED" */
struct returned *pb_tcp_take_returned(struct tcp_conn *c); /* for MSG_ERRQUEUE, handed over; NULL: none */

#endif
