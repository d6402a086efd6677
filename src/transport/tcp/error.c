/*
 * What ICMP tells of a segment of ours. Anybody can send ICMP: it is believed only if it quotes what is in flight (RFC
 * 5927 §4.1), and ends a connection only before that is established (§5.2; RFC 1122 4.2.3.9 in the other cases
 * forbids it, or the peer's own word is better). The path's MTU it may lower, but not without bound.
 */
#include "transport/tcp/auth.h"
#include "transport/tcp/input.h"
#include "transport/tcp/output.h"
#include "transport/tcp/recovery.h"
#include "transport/tcp/tcp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* No path is believed to be narrower: Linux's min_pmtu, and RFC 8200 §5. Against forged ones, RFC 5927 §7.2. */
#define PATH_MTU_MIN4 552
#define PATH_MTU_MIN6 1280

static bool in_flight(const struct tcp_conn *c, seq quoted)
{
	if (tcp_is_early(c) && seq_eq(quoted, c->iss)) /* our SYN-ACK; SND.UNA is behind it */
		return true;
	return seq_in(quoted, c->snd_una, c->snd_max.v - c->snd_una.v);
}

/*
 * Send all that is in flight again, in segments that fit: whatever was as large as the quoted one was dropped. It is no
 * sign of congestion (RFC 1191 §6.5).
 */
void pb_tcp_send_shorter(struct tcp_conn *c)
{
	pb_tcp_send_all_again(c);
	c->in_recovery = false;
	c->dup_acks = 0;
	c->recover = c->snd_max; /* duplicate ACKs of what comes twice tell of no loss */
	tcp_want_output(c);
}

/* RFC 1191. */
static void path_narrowed(struct tcp_conn *c, uint32_t mtu)
{
	uint32_t least = ip_is4(&c->path.dst) ? PATH_MTU_MIN4 : PATH_MTU_MIN6;
	struct ip src = c->path.src, dst = c->path.dst;

	if (mtu < least)
		mtu = least;
	if (mtu >= c->path.mtu) {
		tcp_counters(c)->tcp.IcmpIgnored++;
		return;
	}
	tcp_counters(c)->tcp.PathMtuReduced++;
	pb_ip_learn_mtu(c->tcp->net, &dst, mtu);
	if (pb_ip_path(c->tcp->net, &c->path, &src, &dst, c->set.bound) < 0)
		return;
	if (!tcp_is_opening(c)) {
		pb_tcp_conn_fit(c);
		pb_tcp_send_shorter(c);
	} else if (c->fast_open && c->fast_open->text_len) { /* a SYN without text is as short as can be */
		pb_tcp_send_syn(c);
	}
}

/* A SYN that came back: with IP_RECVERR its sender finds it in his queue. */
static void give_back(struct tcp_conn *c, const struct ip_error *e)
{
	if (!c->set.want_errors)
		return;
	if (!c->errors && (c->errors = malloc(sizeof *c->errors)))
		pb_error_queue_init(c->errors);
	if (c->errors)
		pb_error_queue_push(c->errors, e, tcp_pair(c)->remote_port, e->quote, e->quote_len);
}

struct returned *pb_tcp_take_returned(struct tcp_conn *c)
{
	return c->errors ? pb_error_queue_take(c->errors) : NULL;
}

void pb_tcp_errors_free(struct tcp_conn *c)
{
	if (c->errors)
		pb_error_queue_clear(c->errors);
	free(c->errors);
	c->errors = NULL;
}

/* It goes on all the same: RFC 1122 4.2.3.9. Who asked for errors is told at once, others if it ends for silence. */
static void note(struct tcp_conn *c, int error)
{
	if (!c->set.want_errors) {
		c->soft_error = error;
		return;
	}
	c->error = error;
	tcp_tell(c, POLLERR | POLLIN | POLLOUT);
}

/* A bare acknowledgement is redirected, too: its number is that of what comes next. */
static void redirected(struct tcp_conn *c, const struct ip_error *e, seq quoted)
{
	if (in_flight(c, quoted) || seq_eq(quoted, c->snd_max))
		pb_ip_redirected(c->tcp->net, e);
	else
		tcp_counters(c)->tcp.IcmpIgnored++;
}

void pb_tcp_conn_complaint(struct tcp_conn *c, const struct ip_error *e, seq quoted)
{
	if (ip_error_is_redirect(e)) {
		redirected(c, e, quoted);
		return;
	}
	if (!in_flight(c, quoted)) {
		tcp_counters(c)->tcp.IcmpIgnored++;
		return;
	}
	if (c->set.auth && pb_tcp_auth_ignores(c, e))
		return;
	if (e->error == EMSGSIZE) {
		path_narrowed(c, e->mtu);
	} else if (!tcp_is_opening(c) || (tcp_is_early(c) && c->news.owner)) {
		note(c, e->error);
	} else {
		give_back(c, e);
		pb_tcp_conn_done(c, e->error); /* also for soft ones, as Linux: RFC 5461 §4.1 */
	}
}
