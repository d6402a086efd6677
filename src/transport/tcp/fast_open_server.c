/* Fast open, the server's side (RFC 7413 §4.2): which SYNs open at once, and how many may. */
#include "transport/tcp/buffers.h"
#include "transport/tcp/conn.h"
#include "transport/tcp/fast_open.h"
#include "transport/tcp/listen.h"

#include <stdlib.h>

/*
 * RFC 7413 §5.1: who is told of a connection that is not his answers with a reset. As long as it counts, whoever forges
 * addresses with cookies that he has got hold of uses up the queue, and the others go on without fast open. Linux's.
 */
#define RESET_COUNTS PB_SEC(60)

void pb_tcp_fast_open_listen(struct tcp_listener *l)
{
	const unsigned wanted = FAST_OPEN_SERVER | FAST_OPEN_ALL_LISTENERS;

	list_init(&l->fast_open.pending);
	list_init(&l->fast_open.resets);
	if (!l->fast_open.most && (l->tcp->limits.fast_open & wanted) == wanted)
		l->fast_open.most = l->backlog;
}

static void forget_resets(struct tcp_listener *l, pb_time until)
{
	list_each_safe (link, &l->fast_open.resets) {
		struct fast_open *f = container_of(link, struct fast_open, link);
		if (f->counts_until > until)
			return; /* nor do those behind it */
		list_remove(&f->link);
		l->fast_open.count--;
		free(f);
	}
}

void pb_tcp_fast_open_listener_close(struct tcp_listener *l)
{
	forget_resets(l, PB_NEVER);
	list_each_safe (link, &l->fast_open.pending) {
		list_remove(link);
		container_of(link, struct fast_open, link)->listener = NULL;
	}
}

/* Whether one more may be pending. */
static bool has_room(struct tcp_listener *l)
{
	if (l->fast_open.count >= l->fast_open.most)
		forget_resets(l, env_now(l->tcp->env));
	if (l->fast_open.count < l->fast_open.most)
		return true;
	l->tcp->env->counters.tcp.FastOpenListenOverflow++;
	return false;
}

/* A cookie was sent: whether it is good. */
static enum fast_open_verdict judge_cookie(struct tcp_listener *l, const struct tcp_segment *s)
{
	struct fast_open_keys keys = pb_fast_open_keys(l->tcp, &l->fast_open.keys);
	struct fast_open_cookie cookie = { .len = s->h.options.cookie_len };

	memcpy(cookie.bytes, s->h.options.cookie, sizeof cookie.bytes);
	int by = pb_fast_open_cookie_check(&keys, &cookie, &s->packet->src, &s->packet->dst);
	if (by == 0)
		return FAST_OPEN_NOW;
	if (by > 0) {
		l->tcp->env->counters.tcp.FastOpenPassiveAltKey++;
		return FAST_OPEN_RENEW;
	}
	l->tcp->env->counters.tcp.FastOpenPassiveFail++;
	return FAST_OPEN_COOKIE;
}

/*
 * The queue is asked before the cookie, which costs more (RFC 7413 §5.1). A SYN without text but with a good cookie
 * opens at once, too: we may answer before the caller has said anything.
 */
enum fast_open_verdict pb_tcp_fast_open_judge(struct tcp_listener *l, const struct tcp_segment *s)
{
	const struct tcp_options *o = &s->h.options;
	struct tcp *t = l->tcp;

	if (!l->fast_open.most || !(t->limits.fast_open & FAST_OPEN_SERVER))
		return FAST_OPEN_NOT;
	if (o->auth) /* a signature leaves no room for a cookie */
		return FAST_OPEN_NOT;
	if (o->has_fast_open && !o->cookie_len)
		t->env->counters.tcp.FastOpenCookieReqd++;
	if (!o->has_fast_open && !s->text_len)
		return FAST_OPEN_NOT;
	if (!has_room(l) || !pb_tcp_memory_admits(t->env->pool, s->text_len))
		return FAST_OPEN_NOT;
	if (l->set.fast_open_no_cookie || t->limits.fast_open & FAST_OPEN_SERVER_NO_COOKIE)
		return FAST_OPEN_NOW;
	if (!o->has_fast_open)
		return FAST_OPEN_NOT;
	return o->cookie_len ? judge_cookie(l, s) : FAST_OPEN_COOKIE;
}

void pb_tcp_fast_open_answer(const struct tcp_listener *l, const struct ip *caller, const struct ip *server,
			     bool experiment, struct tcp_options *o)
{
	struct fast_open_keys keys = pb_fast_open_keys(l->tcp, &l->fast_open.keys);
	struct fast_open_cookie cookie = pb_fast_open_cookie(keys.key[0], caller, server);

	o->has_fast_open = true;
	o->fast_open_experiment = experiment;
	o->cookie_len = cookie.len;
	memcpy(o->cookie, cookie.bytes, cookie.len);
	if (pb_tcp_header_len(o) > TCP_HEADER_LEN_MAX)
		o->has_fast_open = false; /* there is no room for it */
}

bool pb_tcp_fast_open_begin(struct tcp_conn *c, struct tcp_listener *l)
{
	struct fast_open *f = calloc(1, sizeof *f);

	if (!f)
		return false;
	f->passive = true;
	f->listener = l;
	list_push(&l->fast_open.pending, &f->link);
	l->fast_open.count++;
	c->fast_open = f;
	return true;
}

void pb_tcp_fast_open_reset(struct tcp_conn *c)
{
	struct fast_open *f = c->fast_open;
	struct tcp_listener *l = f->listener;

	if (!l)
		return;
	list_remove(&f->link);
	list_push(&l->fast_open.resets, &f->link);
	f->counts_until = tcp_now(c) + RESET_COUNTS;
	c->fast_open = NULL;
}
