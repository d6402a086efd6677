#include "net/icmp6.h"

#include "net/group.h"
#include "net/icmp.h"
#include "net/internet_state.h"
#include "net/nd.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"
#include "wire/nd.h"

#include <errno.h>

#define QUOTED_MIN                                                                                           \
	8 /* of the transport header, as of IPv4's (RFC 792): the ports, and what tells whether to believe it */

static const struct icmp_counted counted[] = {
	{ICMP6_UNREACHABLE,        ICMP_COUNTER(InDestUnreachs), ICMP_COUNTER(OutDestUnreachs)},
	{ ICMP6_TOO_BIG,           ICMP_COUNTER(InPktTooBigs),   0                            },
	{ ICMP6_TIME_EXCEEDED,     ICMP_COUNTER(InTimeExcds),    ICMP_COUNTER(OutTimeExcds)   },
	{ ICMP6_PARAMETER_PROBLEM, ICMP_COUNTER(InParmProbs),    ICMP_COUNTER(OutParmProbs)   },
	{ PB_ICMP6_ECHO_REQUEST,   ICMP_COUNTER(InEchos),        0                            },
	{ PB_ICMP6_ECHO_REPLY,     ICMP_COUNTER(InEchoReps),     ICMP_COUNTER(OutEchoReps)    },
};

static const struct icmp_version icmp6 = { .protocol = IPPROTO_ICMPV6,
					   .echo_reply = PB_ICMP6_ECHO_REPLY,
					   .counted = counted,
					   .kinds = sizeof counted / sizeof *counted };

/*
 * On the link ----------------------------------------------------------------------------------------------
 */

/* RFC 2711 §2.1: routers are to look at it; what for is 0, MLD. */
static const uint8_t router_alert[] = { IPPROTO_ICMPV6,  0, IP6_OPTION_ROUTER_ALERT, 2, 0, 0,
					IP6_OPTION_PADN, 0 };

static void push_on_link_headers(struct pb_buf *b, enum icmp6_kind kind, const struct ip *src,
				 const struct ip *dst)
{
	bool alert = kind == ICMP6_IS_MLD;

	if (alert)
		memcpy(pb_buf_push(b, sizeof router_alert), router_alert, sizeof router_alert);
	struct ip6_header h = { .payload_len = (uint16_t)b->total,
				.next = alert ? IP6_HOP_BY_HOP : IPPROTO_ICMPV6,
				.hop_limit = alert ? 1 : ND_HOP_LIMIT,
				.src = ip_in_zone(src, 0),
				.dst = ip_in_zone(dst, 0) };
	struct writer w = { .p = pb_buf_push(b, IP6_HEADER_LEN), .left = IP6_HEADER_LEN };
	pb_ip6_write(&h, &w);
}

void pb_icmp6_send_on_link(struct iface *i, enum icmp6_kind kind, const struct ip *src, const struct ip *dst,
			   const uint8_t *mac, const uint8_t *message, size_t len)
{
	struct pb_buf *b = pb_buf_new(i->env->pool, IP_HEADROOM, len);
	uint8_t group_mac[PB_MAC_LEN];

	if (!b) {
		i->env->counters.icmp.OutErrors++;
		return;
	}
	uint8_t *body = pb_buf_extend(b, len);
	memcpy(body, message, len);
	pb_icmp_seal(body, len, pb_ip_pseudo(src, dst, IPPROTO_ICMPV6, (uint32_t)len));
	push_on_link_headers(b, kind, src, dst);
	if (!mac) {
		pb_internet_group_mac(dst, group_mac);
		mac = group_mac;
	}
	i->env->counters.ip.OutRequests++;
	i->env->counters.icmp.OutMsgs++;
	pb_iface_send(i, mac, ETHERNET_IP6, b);
}

/*
 * Errors told ----------------------------------------------------------------------------------------------
 */

/* What a packet carries behind all its headers, and its protocol. NULL: that is not at hand. */
static const uint8_t *message_of(const struct ip_packet *p, uint8_t *protocol)
{
	*protocol = p->protocol;
	if (p->buf->data == p->header) /* nobody has gone through its headers to the end */
		return pb_ip6_upper(p->header, p->buf->len, protocol);
	return p->buf->len ? p->buf->data : NULL;
}

/* RFC 4443 §2.4 (e): about what no error may be told. */
static bool is_exempt(const struct ip_packet *p, const struct icmp6_error *e)
{
	uint8_t protocol;
	const uint8_t *message = message_of(p, &protocol);
	bool for_groups = e->type == ICMP6_PARAMETER_PROBLEM && e->code == ICMP6_UNKNOWN_OPTION;

	if ((p->group && !for_groups) || ip_is_any(&p->src) || ip_is_multicast(&p->src))
		return true;
	return message && protocol == IPPROTO_ICMPV6 &&
	       (icmp6_is_error(*message) || *message == ICMP6_REDIRECT);
}

/* The error with as much of the packet as fits into IP6_MTU_MIN (RFC 4443 §2.4 (c)). NULL: no memory. */
static struct pb_buf *quote(struct env *env, const struct icmp6_error *e, const struct ip_packet *p,
			    size_t skip)
{
	uint8_t error[ICMP6_ERROR_LEN];
	struct writer w = { .p = error, .left = sizeof error };

	pb_icmp6_error_write(e, &w);
	return pb_icmp_quote(env, error, IP6_MTU_MIN - IP6_HEADER_LEN, p, skip);
}

/* Answer p: in the name that was called, or in our own on its link where that was a group's. Takes b. */
static void reply(struct internet *net, const struct ip_packet *p, uint8_t traffic_class, struct pb_buf *b)
{
	struct ip any = { 0 };

	if (p->group)
		pb_icmp_send(net, &icmp6, &any, &p->src, p->iface->index, traffic_class, b);
	else
		pb_icmp_send(net, &icmp6, &p->dst, &p->src, 0, traffic_class, b);
}

void pb_icmp6_tell(struct internet *net, const struct ip_packet *p, const struct icmp6_error *e)
{
	size_t skip = p->buf->data == p->header ? p->header_len : 0;

	if (is_exempt(p, e) || !pb_icmp_admit(net, p->iface, &p->src))
		return;
	struct pb_buf *b = quote(net->env, e, p, skip);
	if (b) /* RFC 4443 §2.2 (a), (b) */
		reply(net, p, 0, b);
}

/* Read a packet's header and chain; src and dst get their zone. */
static bool read_own(const uint8_t *data, size_t have, unsigned zone, struct ip6_header *h,
		     struct ip6_chain *c)
{
	struct reader r = { .p = data, .left = have };

	if (!pb_ip6_parse(h, &r, IP6_HEADER_LEN + IP6_PAYLOAD_MAX) ||
	    pb_ip6_walk(c, data, have) != IP6_IS_WELL)
		return false;
	h->src = ip_in_zone(&h->src, zone);
	h->dst = ip_in_zone(&h->dst, zone);
	return c->fragment.offset == 0;
}

/* Whether somebody here waits for an answer: of ICMPv6 only echo requests are asked by anybody. */
static bool is_worth_telling(const struct pb_buf *b, const struct ip6_chain *c)
{
	uint8_t type = 0;

	if (c->protocol == IPPROTO_ICMPV6 && b->total > c->len)
		pb_buf_copy(b, c->len, &type, 1);
	return c->protocol != IPPROTO_ICMPV6 || type == PB_ICMP6_ECHO_REQUEST;
}

void pb_icmp6_tell_ourselves(struct internet *net, struct pb_buf *b)
{
	struct icmp6_error unreachable = { .type = ICMP6_UNREACHABLE, .code = ICMP6_ADDRESS };
	struct ip6_header h;
	struct ip6_chain chain;
	struct pb_buf *message = NULL;

	/* The zone is not in the packet: it is where its source is one of ours. */
	for (struct iface *i = net->ifaces; i && !message; i = i->next) {
		if (i->loopback || !read_own(b->data, b->len, i->index, &h, &chain) ||
		    !is_worth_telling(b, &chain) || !pb_iface_address(i, &h.src))
			continue;
		struct ip_packet p = { .buf = b, .header = b->data, .header_len = chain.len };
		message = quote(net->env, &unreachable, &p, chain.len);
	}
	if (message)
		pb_icmp_send(net, &icmp6, &h.src, &h.src, 0, 0, message);
	pb_buf_free(b);
}

/*
 * Errors understood ----------------------------------------------------------------------------------------
 */

/* What Linux makes of codes of ICMP6_UNREACHABLE (tab_unreach in net/ipv6/icmp.c). */
static const struct {
	int error;
	bool hard;
} unreachable_errors[] = {
	{ENETUNREACH,   false}, /* no route */
	{ EACCES,       true }, /* prohibited */
	{ EHOSTUNREACH, false}, /* beyond the scope of the source */
	{ EHOSTUNREACH, false}, /* address */
	{ ECONNREFUSED, true }, /* port */
	{ EACCES,       true }, /* source address failed a policy */
	{ EACCES,       true }, /* route says to reject */
};

/* What it means for sockets. False: nothing. */
static bool interpret(struct ip_error *to, const struct icmp6_error *e)
{
	switch (e->type) {
	case ICMP6_UNREACHABLE:
		if (e->code >= sizeof unreachable_errors / sizeof *unreachable_errors)
			return false;
		to->error = unreachable_errors[e->code].error;
		to->hard = unreachable_errors[e->code].hard;
		return true;
	case ICMP6_TOO_BIG:
		to->error = EMSGSIZE;
		to->mtu = e->value > UINT16_MAX ? UINT16_MAX : e->value;
		return e->value >=
		       IP6_MTU_MIN; /* RFC 8201 §4: less is never believed, nor are fragments made for it */
	case ICMP6_TIME_EXCEEDED:
		to->error = EHOSTUNREACH;
		return true;
	case ICMP6_PARAMETER_PROBLEM:
		to->error = EPROTO;
		to->hard = true;
		return true;
	default:
		return false;
	}
}

static enum ip_verdict take_error(struct internet *net, struct ip_packet *p, struct ip_error *error)
{
	struct reader r = { .p = p->buf->data, .left = p->buf->len };
	struct icmp6_error e;
	struct ip6_header quoted;
	struct ip6_chain chain;
	unsigned zone = ip_zone(&p->dst) ? ip_zone(&p->dst) : p->iface->index;

	if (!pb_icmp6_error_parse(&e, &r) || !read_own(r.p, r.left, zone, &quoted, &chain) ||
	    r.left < (size_t)chain.len + QUOTED_MIN) {
		net->env->counters.icmp.InErrors++;
		return IP_DELIVER;
	}
	*error = (struct ip_error){ .src = quoted.src,
				    .dst = quoted.dst,
				    .protocol = chain.protocol,
				    .quote = r.p + chain.len,
				    .quote_len = r.left - chain.len,
				    .offender = p->src,
				    .type = e.type,
				    .code = e.code };
	bool ours = pb_internet_is_local(net, &quoted.src) || net->foreign;
	return ours && !p->group && interpret(error, &e) ? IP_COMPLAINT : IP_DELIVER;
}

/*
 * Input ----------------------------------------------------------------------------------------------------
 */

/*
 * RFC 4443 §4.2. A group's question is answered, too, in our own name; as it may make many answers, no more often than
 * errors are told.
 */
static void answer_echo(struct internet *net, const struct ip_packet *p)
{
	if (p->foreign || ip_is_any(&p->src) || (p->group && !pb_icmp_admit(net, p->iface, &p->src)))
		return;
	struct pb_buf *answer = pb_icmp_echo_reply(net->env, &icmp6, p->buf);
	if (answer)
		reply(net, p, p->tos, answer);
}

enum ip_verdict pb_icmp6_input(struct internet *net, struct ip_packet *p, struct ip_error *error)
{
	uint8_t type;

	if (!pb_icmp_take(net, &icmp6, p, &type))
		return IP_DONE;
	if (icmp6_is_error(type))
		return take_error(net, p, error);
	if (type == PB_ICMP6_ECHO_REQUEST)
		answer_echo(net, p);
	else if (type >= ICMP6_ROUTER_SOLICITATION && type <= ICMP6_REDIRECT)
		pb_nd_input(net, p);
	else if (type == ICMP6_MLD_QUERY || type == ICMP6_MLD_V1_REPORT)
		pb_group_input(p);
	return IP_DELIVER;
}
