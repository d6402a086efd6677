#include "cli/frame_text.h"

#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/icmp_error.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

/* Put more text behind what there is; what does not fit is left out. */
__attribute__((format(printf, 2, 3))) static void add(struct frame_text *t, const char *format, ...)
{
	size_t len = strlen(t->text);
	va_list args;

	va_start(args, format);
	vsnprintf(t->text + len, sizeof t->text - len, format, args);
	va_end(args);
}

/* Relative sequence numbers ------------------------------------------------------------------------------------- */

static struct frame_flow *find_flow(struct frame_flows *flows, const struct frame_flow *want)
{
	for (size_t i = 0; i < flows->count; i++) {
		struct frame_flow *f = &flows->flow[i];
		if (f->src_port == want->src_port && f->dst_port == want->dst_port &&
		    ip_equal(&f->src, &want->src) && ip_equal(&f->dst, &want->dst))
			return f;
	}
	return NULL;
}

static void remember(struct frame_flows *flows, const struct frame_flow *flow)
{
	struct frame_flow *f = find_flow(flows, flow);

	if (!f && flows->count < FRAME_FLOWS_MAX) {
		f = &flows->flow[flows->count++];
	} else if (!f) {
		f = &flows->flow[flows->oldest];
		flows->oldest = (flows->oldest + 1) % FRAME_FLOWS_MAX;
	}
	*f = *flow;
}

/* A flow that was not seen from its beginning counts from before the first text seen. */
static uint32_t relative(struct frame_flows *flows, const struct frame_flow *flow, uint32_t number)
{
	const struct frame_flow *f = find_flow(flows, flow);

	if (f)
		return number - f->first_seq;
	struct frame_flow found = *flow;
	found.first_seq = number - 1;
	remember(flows, &found);
	return 1;
}

/* Transport ----------------------------------------------------------------------------------------------------- */

static void add_flags(struct frame_text *t, unsigned flags)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{TCP_SYN,  "SYN"},
                { TCP_FIN, "FIN"},
                { TCP_RST, "RST"},
                { TCP_PSH, "PSH"},
		{ TCP_URG, "URG"},
                { TCP_ECE, "ECE"},
                { TCP_CWR, "CWR"},
                { TCP_ACK, "ACK"},
	};
	const char *comma = "";

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & names[i].flag) {
			add(t, "%s%s", comma, names[i].name);
			comma = ",";
		}
}

static void read_tcp(struct frame_text *t, struct frame_flows *flows, struct reader *r)
{
	struct tcp_header h;

	if (!pb_tcp_parse(&h, r)) {
		add(t, "TCP, malformed");
		return;
	}
	t->src_port = h.src_port;
	t->dst_port = h.dst_port;
	t->payload = r->p;
	t->payload_len = r->left;
	struct frame_flow there = { t->src, t->dst, h.src_port, h.dst_port, h.seq };
	const struct frame_flow back = { t->dst, t->src, h.dst_port, h.src_port, 0 };
	add_flags(t, h.flags);
	if (h.flags & TCP_SYN)
		remember(flows, &there);
	/* The reset of a call that was not taken has no sequence number of its own: zero (RFC 9293 §3.5.2). */
	add(t, " seq %u", (h.flags & TCP_RST) && h.seq == 0 ? 0 : relative(flows, &there, h.seq));
	if (r->left)
		add(t, "+%zu", r->left);
	if (h.flags & TCP_ACK)
		add(t, " ack %u", relative(flows, &back, h.ack));
	if (h.window == 0 && !(h.flags & TCP_RST))
		add(t, " win 0");
}

static void read_udp(struct frame_text *t, struct reader *r)
{
	struct udp_header h;

	if (!pb_udp_parse(&h, r, r->left)) {
		add(t, "UDP, malformed");
		return;
	}
	t->src_port = h.src_port;
	t->dst_port = h.dst_port;
	t->payload = r->p;
	t->payload_len = (size_t)h.len - UDP_HEADER_LEN;
	add(t, "UDP, %zu bytes", t->payload_len);
}

/* The internet layer -------------------------------------------------------------------------------------------- */

static void add_unreachable(struct frame_text *t, const struct icmp_error *e)
{
	static const char *const what[] = { [ICMP4_NET] = "network",
					    [ICMP4_HOST] = "host",
					    [ICMP4_PROTOCOL] = "protocol",
					    [ICMP4_PORT] = "port" };

	if (e->code == ICMP4_TOO_BIG)
		add(t, "ICMP fragmentation needed, next MTU %u", e->mtu);
	else if (e->code <= ICMP4_PORT)
		add(t, "ICMP %s unreachable", what[e->code]);
	else
		add(t, "ICMP unreachable, code %u", e->code);
}

static void read_icmp(struct frame_text *t, struct reader *r)
{
	uint8_t type = r->left ? r->p[0] : 0;
	struct pb_icmp_echo echo;
	struct icmp_error e;

	if (pb_icmp_echo_parse(&echo, r->p, r->left))
		add(t, "ICMP echo %s, seq %u", type == PB_ICMP4_ECHO_REQUEST ? "request" : "reply", echo.seq);
	else if (!pb_icmp_error_parse(&e, r))
		add(t, "ICMP type %u", type);
	else if (e.type == ICMP4_UNREACHABLE)
		add_unreachable(t, &e);
	else if (e.type == ICMP4_TIME_EXCEEDED)
		add(t, "ICMP time exceeded");
	else
		add(t, "ICMP type %u, code %u", e.type, e.code);
}

static void read_ip4(struct frame_text *t, struct frame_flows *flows, struct reader *r)
{
	struct ip4_header h;

	if (!pb_ip4_parse(&h, r, r->left)) {
		add(t, "IP, malformed");
		return;
	}
	t->protocol = h.protocol;
	t->src = h.src;
	t->dst = h.dst;
	r->left = h.packet_len - h.len; /* what follows is padding */
	if (h.fragment_offset)
		add(t, "IP fragment at %u, %zu bytes", h.fragment_offset, r->left);
	else if (h.protocol == IPPROTO_TCP)
		read_tcp(t, flows, r);
	else if (h.protocol == IPPROTO_UDP && !h.more_fragments)
		read_udp(t, r);
	else if (h.protocol == IPPROTO_ICMP)
		read_icmp(t, r);
	else
		add(t, "IP protocol %u, %zu bytes", h.protocol, r->left);
}

static void read_arp(struct frame_text *t, struct reader *r)
{
	char ip[PB_ADDR_TEXT];
	struct arp_packet a;
	const uint8_t *m = a.sender_mac;

	if (!pb_arp_parse(&a, r)) {
		add(t, "ARP, malformed");
		return;
	}
	t->src = a.sender;
	t->dst = a.target;
	if (a.operation == ARP_REQUEST)
		add(t, "ARP who has %s?", pb_ip_text(&a.target, ip));
	else if (a.operation == ARP_REPLY)
		add(t, "ARP %s is at %02x:%02x:%02x:%02x:%02x:%02x", pb_ip_text(&a.sender, ip), m[0], m[1],
		    m[2], m[3], m[4], m[5]);
	else
		add(t, "ARP operation %u", a.operation);
}

void frame_read(struct frame_text *t, struct frame_flows *flows, bool ethernet, const uint8_t *frame,
		size_t len)
{
	struct reader r = { .p = frame, .left = len };
	struct ethernet_header h = { .type = ETHERNET_IP4 };

	*t = (struct frame_text){ 0 };
	if (ethernet && !pb_ethernet_parse(&h, &r))
		add(t, "Ethernet, malformed");
	else if (h.type == ETHERNET_IP4)
		read_ip4(t, flows, &r);
	else if (h.type == ETHERNET_ARP)
		read_arp(t, &r);
	else
		add(t, "Ethernet type %04x", h.type);
}
