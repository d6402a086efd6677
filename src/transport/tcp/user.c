/*
 * The calls of RFC 9293 §3.10.1-6: OPEN, SEND, RECEIVE, CLOSE, ABORT, and what is ready. Whoever calls is the owner:
 * a connection does not go away beneath him before he has closed it.
 */
#include "transport/tcp/acks.h"
#include "transport/tcp/auth.h"
#include "transport/tcp/buffers.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/input.h"
#include "transport/tcp/isn.h"
#include "transport/tcp/output.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/timers.h"
#include "transport/tcp/urgent.h"
#include "transport/tcp/window.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/*
 * A connection of before, in TIME-WAIT. At a port that the user asked for it yields once our timestamps have moved on;
 * where we choose, a second later, as on Linux.
 */
#define YIELDS_TO_USER   PB_MSEC(1)
#define YIELDS_TO_CHOICE PB_SEC(1)

static bool yields(const struct pair_entry *e, void *context)
{
	return e->kind == ENTRY_TIME_WAIT &&
	       pb_tcp_time_wait_yields(context, (const struct tcp_time_wait *)e, YIELDS_TO_CHOICE);
}

/* The pair is free, or its TIME-WAIT ends and *beyond is what its SND.NXT was: then true. */
static bool take_over(struct tcp *t, const struct socket_pair *pair, seq *beyond)
{
	struct pair_entry *e = pb_pairs_find(&t->pairs, pair);
	struct tcp_time_wait *w = (struct tcp_time_wait *)e;

	if (!e || e->kind != ENTRY_TIME_WAIT || !pb_tcp_time_wait_yields(t, w, YIELDS_TO_USER))
		return false;
	*beyond = w->snd_nxt;
	t->env->counters.tcp.TimeWaitReused++;
	pb_tcp_time_wait_end(t, w);
	return true;
}

/* An ephemeral port, with the flags of local, which has none (NULL: it never was asked about). */
static int choose_port(struct tcp *t, const struct binding *local, struct socket_pair *pair,
		       struct binding *b)
{
	if (local) {
		b->reuse_addr = local->reuse_addr;
		b->reuse_port = local->reuse_port;
	}
	int rc = pb_ports_connect(&t->ports, &t->pairs, pair, b);
	if (rc == -EADDRNOTAVAIL) /* all are taken; perhaps not by anybody who still needs his */
		rc = pb_ports_connect_over(&t->ports, &t->pairs, pair, b, yields, t);
	return rc;
}

/* The port is the connection's from now on. */
static void take_binding(struct tcp *t, struct tcp_conn *c, struct binding *b)
{
	b->addr = c->entry.pair.local;
	b->connected = true;
	pb_ports_move(&t->ports, b, &c->binding);
	c->binding.owner = c;
}

/* beyond: the ISS is, if not NULL (RFC 9293 §3.6.1). */
static void choose_numbers(struct tcp_conn *c, const seq *beyond)
{
	uint64_t secret = pb_tcp_secret(c->tcp, tcp_pair(c));
	seq iss = pb_tcp_isn(c->tcp, secret);

	if (beyond && !seq_lt(*beyond, iss))
		iss = seq_add(*beyond, TCP_ISS_STEP);
	c->iss = c->snd_una = c->snd_nxt = c->snd_max = c->recover = c->snd_sml = iss;
	c->ts_offset = pb_tcp_timestamp_offset(secret);
}

/* The way to a host that is to be called, from a local address that has been chosen or not. */
static int find_path(struct tcp *t, const struct ip *local, const struct ip *to, unsigned bound,
		     struct ip_path *path)
{
	if (ip_is4(local) && !ip_is4(to))
		return -EAFNOSUPPORT;
	if (!ip_is4(local) && !ip_is_any(local) && ip_is4(to))
		return -ENETUNREACH;
	return pb_ip_path(t->net, path, local, to, bound);
}

/* A connection in SYN-SENT, its SYN not sent. */
static int open_active(struct tcp *t, const struct tcp_settings *set, struct binding *local,
		       const struct ip *to, uint16_t port, void *owner, struct tcp_conn **out)
{
	static const struct ip any; /* RFC 9293 §3.9.2.3, MUST-44: the internet layer chooses */
	struct socket_pair pair = { .remote = *to, .remote_port = port };
	struct binding chosen = { .port = 0 }, *b = local && local->port ? local : &chosen;
	struct ip_path path;
	struct tcp_conn *c;
	seq beyond = { 0 };
	int rc = find_path(t, local ? &local->addr : &any, to, set->bound, &path);

	if (rc == 0 && set->auth)
		rc = pb_tcp_auth_connect(set->auth, to);
	if (rc < 0)
		return rc;
	pair.local = path.src;
	if (b == local)
		pair.local_port = local->port;
	else if ((rc = choose_port(t, local, &pair, b)) < 0)
		return rc;
	bool again = take_over(t, &pair, &beyond);
	rc = pb_tcp_conn_new(t, set, &pair, &c);
	if (rc < 0) {
		pb_ports_release(&t->ports, &chosen);
		return rc == -EADDRINUSE ? -EADDRNOTAVAIL : rc; /* as Linux says that the pair is taken */
	}
	take_binding(t, c, b);
	c->news.owner = owner;
	choose_numbers(c, again ? &beyond : NULL);
	if (c->set.auth)
		pb_tcp_auth_begin(c->set.auth, to);
	pb_tcp_set_state(c, STATE_SYN_SENT);
	t->env->counters.tcp.ActiveOpens++;
	pb_tcp_ecn_ask(c);
	*out = c;
	return 0;
}

/* The user wants it opened fast: whether the SYN is to wait for text. */
static bool defer(struct tcp_conn *c)
{
	if (!c->set.fast_open_connect || !pb_tcp_fast_open_try(c))
		return false;
	c->fast_open->deferred = pb_tcp_fast_open_may_carry(c);
	return c->fast_open->deferred;
}

int pb_tcp_connect(struct tcp *t, const struct tcp_settings *set, struct binding *local, const struct ip *to,
		   uint16_t port, void *owner, struct tcp_conn **c)
{
	int rc = open_active(t, set, local, to, port, owner, c);

	if (rc == 0 && !defer(*c))
		pb_tcp_send_syn(*c);
	return rc;
}

int pb_tcp_connect_fast(struct tcp *t, const struct tcp_settings *set, struct binding *local,
			const struct ip *to, uint16_t port, void *owner, struct tcp_conn **c)
{
	if (!(t->limits.fast_open & FAST_OPEN_CLIENT))
		return -EOPNOTSUPP;
	int rc = open_active(t, set, local, to, port, owner, c);
	if (rc < 0)
		return rc;
	if (pb_tcp_fast_open_try(*c))
		(*c)->fast_open->deferred = true;
	else
		pb_tcp_send_syn(*c); /* as any other */
	return 0;
}

/* The pending error, told once; 0: there is none. */
static int take_error(struct tcp_conn *c)
{
	int error = c->error;

	c->error = 0;
	return -error;
}

/* Whether anything may be sent: 0, or why not. */
static int may_send(struct tcp_conn *c)
{
	if (c->error)
		return take_error(c);
	if (c->fin_queued || c->state == STATE_CLOSED)
		return -EPIPE;
	return tcp_is_unopened(c) ? -EAGAIN : 0;
}

static bool has_room(const struct tcp_conn *c)
{
	return c->sendq.bytes < c->set.send_buffer && tcp_notsent(c) < tcp_notsent_max(c);
}

static seq queue_end(const struct tcp_conn *c)
{
	return seq_add(c->snd_una, c->sendq.bytes);
}

/* Half of the window that a peer has told, which is worth pushing; all of a tiny one, as on Linux. */
static uint32_t half_window(const struct tcp_conn *c)
{
	return c->snd_wnd_max > TCP_MSS_DEFAULT4 ? c->snd_wnd_max / 2 : c->snd_wnd_max;
}

/*
 * Text is taken in pieces of whole segments. Whether there is room is asked for each piece, so that limits may be
 * passed by one; what is written later fills up a piece that has not left.
 */
static uint32_t piece_size(const struct tcp_conn *c)
{
	uint32_t half = half_window(c), most = half < TCP_SUPER_MAX ? half : TCP_SUPER_MAX;

	return most > c->mss ? most - most % c->mss : c->mss;
}

/* How much the next piece takes; 0: there is no room. */
static uint32_t next_piece(struct tcp_conn *c)
{
	uint32_t size = piece_size(c), waits = tcp_notsent(c), last = queue_end(c).v - c->written_from.v;

	last = last < waits ? last : waits;
	if (last && last < size && pb_tcp_sendq_is_open(&c->sendq)) {
		pb_tcp_push_joined(c);
		return size - last;
	}
	if (!has_room(c))
		return 0;
	c->written_from = queue_end(c);
	return size;
}

static void output_text(struct tcp_conn *c, bool more)
{
	bool cork = c->set.cork;

	c->set.cork = cork || more;
	pb_tcp_output(c);
	c->set.cork = cork;
}

/* A piece is full, and more follows. PSH after half a window: the receiver should not wait for all of a long write. */
static void send_piece(struct tcp_conn *c)
{
	seq pushed = c->push.is_known ? c->push.last : c->snd_una;

	if (seq_lt(seq_add(pushed, half_window(c)), queue_end(c)))
		pb_tcp_push_end(c);
	output_text(c, true);
}

static size_t total_of(const struct iovec *iov, size_t iovcnt)
{
	size_t total = 0;

	for (size_t i = 0; i < iovcnt; i++)
		total += iov[i].iov_len;
	return total;
}

/* What there is room for is queued. */
static size_t write_pieces(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, size_t total)
{
	size_t done = 0;

	while (done < total) {
		uint32_t room = next_piece(c);
		size_t n =
			room ? pb_tcp_sendq_write(&c->sendq, c->tcp->env->pool, iov, iovcnt, done, room) : 0;
		if (n < room && done + n < total)
			pb_tcp_starve(c);
		if (n == 0)
			break;
		done += n;
		pb_tcp_busy_begin(c, BUSY_SENDING);
		if (done < total)
			send_piece(c);
	}
	return done;
}

/* The SYN leaves, with what text it may carry. */
static ssize_t send_in_syn(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, int flags)
{
	size_t n = 0;

	if (pb_tcp_fast_open_may_carry(c))
		n = pb_tcp_sendq_write(&c->sendq, c->tcp->env->pool, iov, iovcnt, 0,
				       pb_tcp_fast_open_room(c));
	c->fast_open->more = n && n < total_of(iov, iovcnt) && flags & MSG_MORE;
	pb_tcp_send_syn(c);
	return n ? (ssize_t)n : -EINPROGRESS;
}

ssize_t pb_tcp_send(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, int flags)
{
	size_t total = total_of(iov, iovcnt), done;

	tcp_send_buffer_fit(c);
	int rc = may_send(c);
	if (tcp_is_deferred(c))
		return send_in_syn(c, iov, iovcnt, flags);
	if (rc < 0 || !total)
		return rc;
	list_remove(&c->starving);
	tcp_check_limited(c);
	done = write_pieces(c, iov, iovcnt, total);
	c->tally.wants_room = done < total;
	if (!done)
		return -EAGAIN;
	if (done < total || !(flags & MSG_MORE))
		pb_tcp_push_end(c);
	if (flags & MSG_OOB)
		pb_tcp_urgent_mark(c);
	if (done == total && flags & MSG_EOR)
		pb_tcp_sendq_end_record(&c->sendq);
	output_text(c, flags & MSG_MORE);
	return (ssize_t)done;
}

int pb_tcp_give(struct tcp_conn *c, struct pb_buf *text)
{
	bool in_syn = tcp_is_deferred(c);
	int rc = in_syn ? 0 : may_send(c);

	if (rc < 0 || !has_room(c))
		return rc < 0 ? rc : -EAGAIN;
	if (text->total > TCP_GIVE_MAX)
		return -EMSGSIZE;
	pb_tcp_push_joined(c);
	tcp_check_limited(c);
	pb_tcp_sendq_give(&c->sendq, text);
	c->written_from = queue_end(c);
	pb_tcp_busy_begin(c, BUSY_SENDING);
	pb_tcp_push_end(c);
	if (in_syn)
		pb_tcp_send_syn(c);
	else
		pb_tcp_output(c);
	return 0;
}

void pb_tcp_push(struct tcp_conn *c)
{
	bool cork = c->set.cork;

	c->set.cork = false;
	pb_tcp_output(c);
	c->set.cork = cork;
}

/* Why there is nothing to read: 0 the end, or an errno. */
static int why_nothing(struct tcp_conn *c)
{
	if (c->error)
		return take_error(c);
	return c->fin_received || c->receive_shut || c->state == STATE_CLOSED ? 0 : -EAGAIN;
}

/* The user has read: the peer may send more, and hears of it if it is worth a segment. */
static void window_opened(struct tcp_conn *c)
{
	if (c->state == STATE_CLOSED)
		return;
	if (!pb_timer_armed(&c->keep))
		pb_tcp_timers_silence(c);
	pb_tcp_acks_read(c);
	if (!tcp_window_update_due(c))
		return;
	c->ack_now = true;
	tcp_want_output(c);
}

/* Readable bytes from one on, which stay: SO_PEEK_OFF. */
static ssize_t peek_from(struct tcp_conn *c, uint32_t from, const struct iovec *iov, size_t iovcnt)
{
	size_t readable = c->urgent ? pb_tcp_urgent_readable(c) : c->recvq.packets.bytes;

	if (from >= readable)
		return why_nothing(c);
	return (ssize_t)pb_tcp_recvq_copy(&c->recvq, from, readable - from, iov, iovcnt);
}

/* So much has been peeked at, or read. */
static void move_peek(uint32_t *next, size_t n, bool peek)
{
	size_t at = *next - 1;

	at = peek ? at + n : n < at ? at - n : 0;
	*next = (uint32_t)(at < INT32_MAX ? at : INT32_MAX) + 1;
}

static ssize_t receive(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, bool peek)
{
	size_t n;

	if (!c->recvq.packets.count)
		return why_nothing(c);
	if (peek && c->set.peek_next > 1)
		return peek_from(c, c->set.peek_next - 1, iov, iovcnt);
	bool nothing_else = c->urgent && !pb_tcp_urgent_readable(c); /* what there is goes another way */
	n = c->urgent ? pb_tcp_urgent_read(c, iov, iovcnt, peek)
		      : pb_tcp_recvq_read(&c->recvq, iov, iovcnt, peek);
	if (!peek)
		window_opened(c);
	return nothing_else ? why_nothing(c) : (ssize_t)n;
}

ssize_t pb_tcp_receive(struct tcp_conn *c, const struct iovec *iov, size_t iovcnt, bool peek)
{
	ssize_t n = receive(c, iov, iovcnt, peek);

	if (n > 0 && c->set.peek_next)
		move_peek(&c->set.peek_next, (size_t)n, peek);
	return n;
}

struct pb_buf *pb_tcp_take(struct tcp_conn *c, int *why)
{
	struct pb_buf *text = c->urgent ? pb_tcp_urgent_take(c) : pb_buf_queue_shift(&c->recvq.packets);

	if (text)
		window_opened(c);
	else
		*why = why_nothing(c);
	return text;
}

/*
 * CLOSE, of our half: the FIN queues behind the text, and the state changes at once (§3.10.4). In SYN-RECEIVED it
 * waits for ESTABLISHED, unless the user has the connection already. May free an orphan.
 */
static void queue_fin(struct tcp_conn *c)
{
	if (c->fin_queued)
		return;
	c->fin_queued = true;
	if (c->state == STATE_ESTABLISHED || (c->state == STATE_SYN_RECEIVED && tcp_is_early(c)))
		pb_tcp_set_state(c, STATE_FIN_WAIT_1);
	else if (c->state == STATE_CLOSE_WAIT)
		pb_tcp_set_state(c, STATE_LAST_ACK);
	else
		return;
	pb_tcp_output(c);
}

int pb_tcp_shutdown(struct tcp_conn *c, int how)
{
	if (c->state == STATE_CLOSED)
		return -ENOTCONN;
	if (c->state == STATE_SYN_SENT) { /* as Linux: the call is off */
		pb_tcp_conn_done(c, ECONNRESET);
		return 0;
	}
	if (how != SHUT_WR) {
		c->receive_shut = true;
		tcp_tell(c, POLLIN | POLLRDHUP);
	}
	if (how != SHUT_RD) {
		tcp_tell(c, POLLOUT);
		queue_fin(c);
	}
	return 0;
}

static void become_orphan(struct tcp_conn *c)
{
	c->orphaned = true;
	c->tcp->orphans++;
	if (c->state == STATE_FIN_WAIT_2)
		pb_tcp_timers_orphaned(c);
	queue_fin(c);
}

void pb_tcp_close(struct tcp_conn *c, bool reset)
{
	struct pb_counters *counters = tcp_counters(c);

	c->news.owner = NULL;
	list_remove(&c->news.link);
	if (c->state == STATE_CLOSED) {
		pb_tcp_conn_free(c);
	} else if (c->recvq.packets.bytes > 0) { /* RFC 2525 §2.17 */
		counters->tcp.AbortOnClose++;
		pb_tcp_abort(c, 0);
	} else if (c->tcp->orphans >= c->tcp->limits.orphans_max) {
		counters->tcp.AbortOnMemory++;
		pb_tcp_abort(c, 0);
	} else if (reset || c->state == STATE_SYN_SENT) {
		pb_tcp_abort(c, 0);
	} else {
		become_orphan(c);
	}
}

void pb_tcp_abort(struct tcp_conn *c, int error)
{
	pb_tcp_reset_peer(c);
	pb_tcp_conn_done(c, error);
}

/* What most connections are most of the time: nothing is closed, nothing has gone wrong, and nothing is unusual. */
static bool is_plain(const struct tcp_conn *c)
{
	bool closing = c->fin_received | c->receive_shut | c->fin_queued;

	return c->state == STATE_ESTABLISHED && !closing && !c->error && !c->errors && !c->urgent;
}

int pb_tcp_ready(const struct tcp_conn *c)
{
	if (is_plain(c))
		return (tcp_readable(c) ? POLLIN : 0) |
		       (tcp_writable(c) && list_empty(&c->starving) ? POLLOUT : 0);
	bool closed = c->state == STATE_CLOSED;
	bool no_more_in = closed || c->fin_received || c->receive_shut;
	bool no_more_out = closed || c->fin_queued;
	int events = 0;

	if (c->error || (c->errors && c->errors->first))
		events |= POLLERR;
	if (no_more_in)
		events |= POLLIN | POLLRDHUP;
	if (no_more_in && no_more_out)
		events |= POLLHUP;
	if (tcp_is_unopened(c))
		return tcp_is_deferred(c) ? events | POLLOUT : events;
	if (tcp_readable(c))
		events |= POLLIN;
	if (c->urgent && c->urgent->in == URGENT_HERE)
		events |= POLLPRI;
	if (no_more_out || (tcp_writable(c) && list_empty(&c->starving)))
		events |= POLLOUT;
	return events;
}

void pb_tcp_settings_changed(struct tcp_conn *c)
{
	if (c->state == STATE_CLOSED || c->state == STATE_SYN_SENT || c->state == STATE_SYN_RECEIVED)
		return; /* they take effect when it is established */
	pb_tcp_timers_silence(c);
	pb_tcp_conn_fit(c);
	pb_tcp_conn_congestion(c);
	if (pb_tcp_window_update_due(c))
		c->ack_now = true;
	if (tcp_readable(c))
		tcp_tell(c, POLLIN);
	if (tcp_writable(c))
		tcp_tell(c, POLLOUT);
	pb_tcp_output(c);
}
