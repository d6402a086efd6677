#include "drill/run.h"

#include "drill/calls.h"
#include "drill/code.h"
#include "drill/config.h"
#include "drill/flow.h"
#include "drill/info.h"
#include "drill/signature.h"

#include <linux/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MAX PB_SEC(300) /* for a packet that may come at any time */
#define WHY_LEN  256
#define SECONDS  1e9 /* nanoseconds */

struct run {
	const char *path;
	FILE *out;
	const struct drill_options *options;
	struct script script;
	struct config config;
	struct settings settings;
	struct host host;
	struct sockets sockets;
	struct flows flows;
	struct code_names names;
	pb_time start;
	pb_time before;                    /* the time at which the event before was to be */
	struct call_run waiting;           /* a call that blocks */
	const struct event *waiting_event; /* its event; NULL: none does */
	pb_time returns, returned;         /* when it is to, and did */
	enum drill_verdict verdict;
};

/* When an event is to be, and how far off it may. */
struct due {
	pb_time from, to, tolerance;
	bool any;
};

/* Telling ---------------------------------------------------------------------------------------------------------- */

static double seconds(const struct run *r, pb_time when)
{
	return (double)(when - r->start) / SECONDS;
}

/* The first thing that is wrong; only that. False, for those who end with it. */
static bool fail(struct run *r, enum drill_verdict verdict, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static bool fail(struct run *r, enum drill_verdict verdict, int line, const char *format, ...)
{
	va_list args;

	if (r->verdict != DRILL_PASSED)
		return false;
	r->verdict = verdict;
	fprintf(r->out, "%s:%d: ", r->path, line);
	va_start(args, format);
	vfprintf(r->out, format, args);
	va_end(args);
	fputc('\n', r->out);
	return false;
}

static void tell(struct run *r, const char *what)
{
	if (r->options->verbose)
		fprintf(r->out, "%.6f %s\n", seconds(r, r->host.now), what);
}

static void on_skipped_option(void *context, const struct script_option *o)
{
	struct run *r = context;

	fprintf(r->out, "%s:%d: note: the option --%s means nothing here\n", r->path, o->line, o->name);
}

struct skipped {
	struct run *r;
	int line;
};

static void on_skipped_setting(void *context, const char *what, size_t len)
{
	struct skipped *s = context;

	fprintf(s->r->out, "%s:%d: note: '%.*s' means nothing here\n", s->r->path, s->line,
		(int)(len < 80 ? len : 80), what);
}

/* Time ------------------------------------------------------------------------------------------------------------- */

static struct due due_of(const struct run *r, const struct event *e)
{
	pb_time base = e->time_kind == TIME_ABSOLUTE ? r->start : r->host.now;
	struct due d = { base + e->time, base + e->time_end, r->config.tolerance, e->time_kind == TIME_ANY };
	pb_time share = (d.from - r->before) / 100 * (pb_time)r->config.tolerance_percent;

	if (share > d.tolerance)
		d.tolerance = share;
	return d;
}

static bool in_time(const struct due *d, pb_time when)
{
	return d->any || (when >= d->from - d->tolerance && when <= d->to + d->tolerance);
}

static bool fail_time(struct run *r, const struct event *e, const struct due *d, const char *what,
		      pb_time when)
{
	if (d->from == d->to)
		return fail(r, DRILL_FAILED, e->line, "%s at %.6f s, expected at %.6f s (give or take %.6f)",
			    what, seconds(r, when), seconds(r, d->from), (double)d->tolerance / SECONDS);
	return fail(r, DRILL_FAILED, e->line,
		    "%s at %.6f s, expected from %.6f to %.6f s (give or take %.6f)", what, seconds(r, when),
		    seconds(r, d->from), seconds(r, d->to), (double)d->tolerance / SECONDS);
}

/* A call that waits goes on as soon as it can. */
static void wake(struct run *r)
{
	if (!r->waiting_event || r->waiting.state != CALL_WAITS)
		return;
	if (drill_call_try(&r->waiting) != CALL_WAITS)
		r->returned = r->host.now;
	drill_host_settle(&r->host);
}

static void move(struct run *r, pb_time when)
{
	drill_host_move(&r->host, when);
	wake(r);
}

/* To the next thing that is to be done, when that is before limit. False: there is none. */
static bool step(struct run *r, pb_time limit)
{
	pb_time next = r->host.next;

	if (r->waiting_event && r->waiting.state == CALL_WAITS && r->waiting.deadline > r->host.now &&
	    r->waiting.deadline < next)
		next = r->waiting.deadline;
	if (next > limit || next == PB_NEVER)
		return false;
	move(r, next);
	return true;
}

static void pass_time(struct run *r, pb_time until)
{
	while (step(r, until))
		;
	if (until > r->host.now)
		move(r, until);
}

/* Wait until an event that the script makes is due. */
static bool wait_for(struct run *r, const struct event *e, const struct due *d, const char *what)
{
	if (d->any)
		return true;
	pass_time(r, d->from);
	return in_time(d, r->host.now) || fail_time(r, e, d, what, r->host.now);
}

/* Calls ------------------------------------------------------------------------------------------------------------ */

static bool judge_call(struct run *r, const struct event *e, struct call_run *c)
{
	if (c->state == CALL_FAULT)
		return fail(r, DRILL_UNREADABLE, e->line, "%s", c->why);
	if (c->state == CALL_WRONG || !drill_call_compare(c))
		return fail(r, DRILL_FAILED, e->line, "%s", c->why);
	return true;
}

/* Before another call: the one that blocks has come back, at its time. */
static bool finish_call(struct run *r)
{
	const struct event *e = r->waiting_event;
	struct due d = { r->returns, r->returns, r->config.tolerance, false };

	if (!e)
		return true;
	while (r->waiting.state == CALL_WAITS && step(r, d.to + d.tolerance))
		;
	if (r->waiting.state == CALL_WAITS)
		return fail(r, DRILL_FAILED, e->line, "%s() blocks; expected to return at %.6f s",
			    e->call->name, seconds(r, r->returns));
	r->waiting_event = NULL;
	return judge_call(r, e, &r->waiting) &&
	       (in_time(&d, r->returned) || fail_time(r, e, &d, "the call returned", r->returned));
}

static void note_calls(struct run *r)
{
	r->flows.listens |= r->sockets.listened;
	r->flows.connecting |= r->sockets.connected;
	r->sockets.listened = r->sockets.connected = false;
}

static bool play_call(struct run *r, const struct event *e)
{
	struct due d = due_of(r, e);
	pb_time base = e->time_kind == TIME_ABSOLUTE ? r->start : r->host.now;

	if (!finish_call(r) || !wait_for(r, e, &d, "the call is made"))
		return false;
	tell(r, e->call->name);
	r->waiting = (struct call_run){ .sockets = &r->sockets, .call = e->call };
	r->returned = r->host.now;
	enum call_state state = drill_call_try(&r->waiting);
	note_calls(r);
	drill_host_settle(&r->host);
	if (state == CALL_WAITS && !e->call->blocks)
		return fail(r, DRILL_FAILED, e->line,
			    "%s() blocks; that is written with the time at which it returns", e->call->name);
	if (!e->call->blocks)
		return judge_call(r, e, &r->waiting);
	r->waiting_event = e;
	r->returns = base + e->call->returns;
	return state == CALL_WAITS || finish_call(r);
}

/* Packets in ------------------------------------------------------------------------------------------------------- */

static bool play_inbound(struct run *r, const struct event *e)
{
	static uint8_t bytes[PACKET_LEN_MAX];
	struct packet_ends fresh = { r->config.local, r->config.remote, r->config.bind_port, 0 };
	struct packet p = *e->packet;
	struct due d = due_of(r, e);
	size_t len = sizeof bytes;

	if (!wait_for(r, e, &d, "the packet is sent"))
		return false;
	struct flow *flow = drill_flow_inbound(&r->flows, &p, &fresh);
	if (!flow)
		return fail(r, DRILL_UNREADABLE, e->line, "more than %d connections", FLOWS_MAX);
	drill_flow_to_wire(flow, &p);
	struct packet_ends ends = { flow->ends.dst, flow->ends.src, flow->ends.dst_port,
				    flow->ends.src_port };
	if (!drill_packet_write(&p, &ends, bytes, &len))
		return fail(r, DRILL_UNREADABLE, e->line, "there is no such packet, or it is too long");
	char text[PACKET_TEXT_LEN];
	tell(r, drill_packet_text(e->packet, text));
	if (!drill_host_hear(&r->host, bytes, len))
		return fail(r, DRILL_UNREADABLE, e->line, "out of memory");
	wake(r);
	return true;
}

/* Packets out ------------------------------------------------------------------------------------------------------ */

/* The next packet of a flow that was sent, by limit, in the script's numbers. False: none, or it is broken. */
static bool next_packet(struct run *r, const struct event *e, pb_time limit, struct packet *p, pb_time *when)
{
	struct packet_ends ends;
	const char *why;

	for (;;) {
		while (!r->host.first && step(r, limit))
			;
		struct seen *seen = drill_host_take(&r->host);
		if (!seen)
			return false;
		bool ok = drill_packet_read(p, &ends, seen->bytes, seen->len, &why);
		struct flow *flow = ok ? drill_flow_outbound(&r->flows, p, &ends) : NULL;
		if (flow && e->packet->sign_key) {
			drill_flow_isns(flow, p);
			drill_signature_check(e->packet, p, &ends, seen->bytes, seen->len);
		}
		*when = seen->when;
		free(seen);
		if (!ok)
			return fail(r, DRILL_FAILED, e->line, "a packet was sent at %.6f s, but %s",
				    seconds(r, *when), why);
		if (flow) {
			drill_flow_to_script(flow, p, e->packet, r->config.stamp_tick);
			return true;
		}
	}
}

/*
 * A script may write as one what goes over the wire in several segments, as a device that cuts them would be given it.
 * True: more has joined what was seen.
 */
static bool join(struct packet *seen, const struct packet *next)
{
	const uint16_t ends = TCP_PSH | TCP_FIN;

	if (next->protocol != PACKET_TCP || next->seq != seen->seq + seen->len || seen->flags & TCP_FIN ||
	    (next->flags & ~ends) != (seen->flags & ~ends) || next->ack != seen->ack)
		return false;
	seen->len += next->len;
	seen->flags |= next->flags;
	return true;
}

static bool fail_packet(struct run *r, const struct event *e, const struct packet *seen, pb_time when,
			const char *differences)
{
	char text[PACKET_TEXT_LEN], expected[PACKET_TEXT_LEN];
	struct packet shown = seen ? *seen : *e->packet;

	drill_packet_text(e->packet, expected);
	shown.tos_kind = e->packet->tos_kind;
	shown.ttl = e->packet->ttl ? shown.ttl : 0; /* what was not asked for is not told */
	shown.flow_label = e->packet->flow_label ? shown.flow_label : 0;
	if (!seen)
		return fail(r, DRILL_FAILED, e->line, "no packet by %.6f s\n  expected %s",
			    seconds(r, r->host.now), expected);
	return fail(r, DRILL_FAILED, e->line,
		    "the packet at %.6f s differs in %s\n  expected %s\n  seen     %s", seconds(r, when),
		    differences, expected, drill_packet_text(&shown, text));
}

static bool play_outbound(struct run *r, const struct event *e)
{
	struct due d = due_of(r, e);
	pb_time limit = d.any ? r->host.now + WAIT_MAX : d.to + d.tolerance, when, last;
	struct packet seen, more;
	char differences[WHY_LEN];

	if (!next_packet(r, e, limit, &seen, &when)) {
		pass_time(r, d.any ? r->host.now : limit);
		return fail_packet(r, e, NULL, 0, "");
	}
	last = when;
	while (seen.protocol == PACKET_TCP && seen.len > 0 && seen.len < e->packet->len) {
		if (!next_packet(r, e, limit, &more, &last))
			break;
		if (!join(&seen, &more))
			break;
	}
	if (!drill_packet_compare(e->packet, &seen, differences, sizeof differences))
		return fail_packet(r, e, &seen, when, differences);
	char text[PACKET_TEXT_LEN];
	seen.ttl = e->packet->ttl;
	seen.flow_label = e->packet->flow_label;
	tell(r, drill_packet_text(&seen, text));
	return (in_time(&d, when) || fail_time(r, e, &d, "the packet was sent", when)) &&
	       (in_time(&d, last) || fail_time(r, e, &d, "the packet's last part was sent", last));
}

/* Code and commands ------------------------------------------------------------------------------------------------ */

static bool play_code(struct run *r, const struct event *e)
{
	struct due d = due_of(r, e);
	struct tcp_info info;
	char why[CODE_WHY_LEN];

	if (!wait_for(r, e, &d, "the code is run"))
		return false;
	const struct script_socket *s = r->sockets.subject;
	bool has = s && s->socket && drill_info_read(s->socket, &info);
	tell(r, "assertions");
	return drill_code_run(e->text, &r->names, has ? &info : NULL, why) ||
	       fail(r, DRILL_FAILED, e->line, "%s", why);
}

static bool play_command(struct run *r, const struct event *e)
{
	struct due d = due_of(r, e);
	struct skipped skipped = { r, e->line };

	if (!wait_for(r, e, &d, "the command is run"))
		return false;
	drill_settings_read(&r->settings, e->text, on_skipped_setting, &skipped);
	drill_settings_apply_to_stack(&r->settings, r->host.stack);
	return true;
}

/* All of it -------------------------------------------------------------------------------------------------------- */

static bool play(struct run *r, const struct event *e)
{
	bool ok = false;

	switch (e->kind) {
	case EVENT_CALL:
		ok = play_call(r, e);
		break;
	case EVENT_PACKET:
		ok = e->packet->outbound ? play_outbound(r, e) : play_inbound(r, e);
		break;
	case EVENT_CODE:
		ok = play_code(r, e);
		break;
	case EVENT_COMMAND:
		ok = play_command(r, e);
		break;
	}
	if (ok && r->host.broken)
		return fail(r, DRILL_FAILED, e->line, "%s", r->host.broken);
	r->before = r->host.now;
	return ok;
}

static bool open_host(struct run *r)
{
	const struct config *c = &r->config;
	struct host_options o = { .address = { { c->local, c->bits } },
				  .address_count = 1,
				  .mtu = c->mtu,
				  .save = r->options->save };
	int rc = drill_host_open(&r->host, &o);

	r->start = r->before = r->host.now;
	r->sockets = (struct sockets){ .host = &r->host, .settings = &r->settings, .family = c->family };
	pb_ip_to_sockaddr(&r->sockets.local, &c->local, c->bind_port, c->family);
	pb_ip_to_sockaddr(&r->sockets.remote, &c->remote, c->connect_port, c->family);
	return rc == 0 || fail(r, DRILL_UNREADABLE, 1, "no host: %s", strerror(-rc));
}

/* Nothing was sent that the script has not expected. */
static void check_rest(struct run *r, const struct event *last)
{
	struct event nothing = { .kind = EVENT_PACKET,
				 .line = last->line,
				 .packet = &(struct packet){ .outbound = true } };
	char text[PACKET_TEXT_LEN];
	struct packet p;
	pb_time when;

	if (!next_packet(r, &nothing, r->host.now, &p, &when))
		return;
	p.ttl = 0; /* nobody has asked for it */
	p.flow_label = 0;
	fail(r, DRILL_FAILED, last->line,
	     "by the end a packet was sent at %.6f s that is not expected\n  seen     %s", seconds(r, when),
	     drill_packet_text(&p, text));
}

static void play_all(struct run *r)
{
	const struct event *e = r->script.events, *last = e;

	for (; e && play(r, e); e = e->next)
		last = e;
	if (!e && last && finish_call(r) && r->options->strict)
		check_rest(r, last);
}

enum drill_verdict drill_run(const char *path, const char *text, size_t len, const struct drill_options *o,
			     FILE *out)
{
	struct run *r = calloc(1, sizeof *r);
	char why[SCRIPT_ERROR_LEN];

	if (!r)
		return DRILL_UNREADABLE;
	r->path = path;
	r->out = out;
	r->options = o;
	drill_flows_init(&r->flows);
	if (!drill_script_parse(&r->script, text, len)) {
		fprintf(out, "%s:%s\n", path, r->script.error);
		r->verdict = DRILL_UNREADABLE;
	} else if (!drill_config_read(&r->config, &r->script, o->ip_version, on_skipped_option, r, why)) {
		fprintf(out, "%s:%s\n", path, why);
		r->verdict = DRILL_UNREADABLE;
	} else {
		if (open_host(r))
			play_all(r);
		drill_sockets_close(&r->sockets);
		drill_host_close(&r->host);
	}
	drill_flows_free(&r->flows);
	drill_script_free(&r->script);
	enum drill_verdict verdict = r->verdict;
	free(r);
	return verdict;
}
