#include "drill/flow.h"

#include <stdlib.h>

#define PORT_FIRST 40000 /* of callers that the script does not name */

void drill_flows_init(struct flows *f)
{
	*f = (struct flows){ .next_port = PORT_FIRST };
}

void drill_flows_free(struct flows *f)
{
	for (unsigned i = 0; i < f->count; i++)
		free(f->flow[i]);
	f->count = 0;
}

static struct flow *add(struct flows *f, const struct packet_ends *ends)
{
	struct flow *flow = f->count < FLOWS_MAX ? calloc(1, sizeof *flow) : NULL;

	if (!flow)
		return NULL;
	flow->ends = *ends;
	f->flow[f->count++] = flow;
	return flow;
}

/* The latest flow whose ports the script calls so; without ports, the latest of all. */
static struct flow *named(struct flows *f, uint16_t local, uint16_t remote)
{
	for (unsigned i = f->count; i-- > 0;) {
		struct flow *flow = f->flow[i];
		if (!remote || (flow->script_local_port == local && flow->script_remote_port == remote))
			return flow;
	}
	return NULL;
}

static bool begins_call(const struct flows *f, const struct packet *p, const struct flow *known)
{
	return p->protocol == PACKET_TCP && p->flags & TCP_SYN && !(p->flags & TCP_ACK) &&
	       (!known || f->listens);
}

struct flow *drill_flow_inbound(struct flows *f, const struct packet *p, const struct packet_ends *fresh)
{
	struct flow *known = named(f, p->dst_port, p->src_port);
	struct packet_ends ends = *fresh;

	if (!begins_call(f, p, known) && known)
		return known;
	ends.dst_port = p->src_port ? p->src_port : f->next_port++;
	ends.src_port = p->dst_port ? p->dst_port : ends.src_port;
	struct flow *flow = add(f, &ends);
	if (!flow)
		return NULL;
	flow->script_local_port = p->dst_port;
	flow->script_remote_port = p->src_port;
	f->listens = false;
	return flow;
}

static bool is_of(const struct flow *flow, const struct packet *p, const struct packet_ends *e)
{
	if (!ip_equal(&flow->ends.dst, &e->dst) || !ip_equal(&flow->ends.src, &e->src))
		return false;
	return p->protocol == PACKET_ICMP ||
	       (flow->ends.src_port == e->src_port && flow->ends.dst_port == e->dst_port);
}

struct flow *drill_flow_outbound(struct flows *f, const struct packet *seen, const struct packet_ends *ends)
{
	for (unsigned i = f->count; i-- > 0;)
		if (is_of(f->flow[i], seen, ends))
			return f->flow[i];
	bool call = seen->protocol == PACKET_TCP && (seen->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	if (!f->connecting || seen->protocol == PACKET_ICMP || (seen->protocol == PACKET_TCP && !call))
		return NULL;
	f->connecting = false;
	return add(f, ends);
}

static uint32_t local_offset(const struct flow *flow, bool syn)
{
	return flow->local_known ? flow->local_isn - (syn ? flow->script_local_isn : 0) : 0;
}

static uint32_t remote_offset(const struct flow *flow, bool syn)
{
	return flow->remote_known ? flow->remote_isn - (syn ? flow->script_remote_isn : 0) : 0;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void set32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* The option's data, if it is there and len long at least. */
static uint8_t *option(struct packet *p, uint8_t kind, uint8_t len)
{
	size_t at = drill_packet_option(p, kind);

	return at && p->options[at] >= len ? p->options + at + 1 : NULL;
}

static void move_sack(struct packet *p, uint32_t offset)
{
	uint8_t *data = option(p, OPTION_SACK, 10);

	if (!data)
		return;
	for (uint8_t *number = data; number + 4 <= data + data[-1] - 2; number += 4)
		set32(number, get32(number) + offset);
}

/* What the stack's clock showed when the script calls it so: the nearest before, and what has passed since. */
static uint32_t live_stamp(const struct flow *flow, uint32_t script)
{
	for (unsigned i = flow->stamp_count; i-- > 0;)
		if (flow->stamps[i].script == script)
			return flow->stamps[i].live;
	return flow->stamp_count ? flow->stamps[0].live + (script - flow->stamps[0].script) : script;
}

static void keep_stamp(struct flow *flow, uint32_t script, uint32_t live)
{
	if (flow->stamp_count < FLOW_STAMPS_MAX)
		flow->stamps[flow->stamp_count++] = (struct flow_stamp){ script, live };
}

void drill_flow_to_wire(struct flow *flow, struct packet *p)
{
	bool syn = p->flags & TCP_SYN;

	if (p->protocol == PACKET_ICMP)
		p->quoted_seq += local_offset(flow, false);
	if (p->protocol != PACKET_TCP)
		return;
	if (syn && !flow->remote_known) {
		flow->remote_known = true;
		flow->remote_isn = flow->script_remote_isn = p->seq;
	}
	p->src_isn = flow->remote_isn;
	p->dst_isn = p->flags & TCP_ACK || !syn ? flow->local_isn : 0;
	p->seq += remote_offset(flow, syn);
	if (p->flags & TCP_ACK)
		p->ack += local_offset(flow, syn);
	move_sack(p, local_offset(flow, syn));
	uint8_t *stamp = option(p, OPTION_TIMESTAMP, 10);
	if (stamp && p->flags & TCP_ACK)
		set32(stamp + 4, live_stamp(flow, get32(stamp + 4)));
}

/*
 * Timestamps are the script's own: what it writes first is what the stack's clock showed then, and from there on they
 * go in steps of the tick; without one, each is what it was expected to be.
 */
static void name_stamp(struct flow *flow, uint8_t *seen, const struct packet *expected, uint32_t tick)
{
	size_t at = drill_packet_option(expected, OPTION_TIMESTAMP);
	uint32_t live = get32(seen);

	if (!at || expected->options[at] < 10)
		return;
	uint32_t script = get32(expected->options + at + 1);
	if (tick && flow->stamp_count)
		set32(seen, flow->stamps[0].script + (live - flow->stamps[0].live));
	else
		set32(seen, script);
	keep_stamp(flow, script, live);
}

/* A SYN of the stack's: the first, or that of a connection that follows another between the same ports. */
static void begin(struct flow *flow, const struct packet *seen, const struct packet *expected)
{
	if (flow->local_known && seen->flags & TCP_ACK)
		flow->remote_isn = flow->script_remote_isn = seen->ack - 1;
	flow->local_known = true;
	flow->local_isn = seen->seq;
	flow->script_local_isn = expected->seq;
}

void drill_flow_isns(const struct flow *flow, struct packet *seen)
{
	bool syn = seen->flags & TCP_SYN;

	seen->src_isn = syn ? seen->seq : flow->local_isn;
	seen->dst_isn = seen->flags & TCP_ACK || !syn ? flow->remote_isn : 0;
}

void drill_flow_to_script(struct flow *flow, struct packet *seen, const struct packet *expected,
			  uint32_t tick)
{
	bool syn = seen->flags & TCP_SYN;

	if (expected->src_port && seen->protocol != PACKET_ICMP) {
		if (!flow->script_remote_port) {
			flow->script_local_port = expected->src_port;
			flow->script_remote_port = expected->dst_port;
		}
		seen->src_port = flow->script_local_port;
		seen->dst_port = flow->script_remote_port;
	}
	if (seen->protocol != PACKET_TCP)
		return;
	if (syn && !(flow->local_known && flow->local_isn == seen->seq))
		begin(flow, seen, expected);
	seen->seq -= local_offset(flow, syn);
	if (seen->flags & TCP_ACK)
		seen->ack -= remote_offset(flow, syn);
	move_sack(seen, -remote_offset(flow, syn));
	uint8_t *stamp = option(seen, OPTION_TIMESTAMP, 10);
	if (stamp)
		name_stamp(flow, stamp, expected, tick);
}
