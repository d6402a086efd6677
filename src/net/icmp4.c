#include "net/icmp4.h"

#include "net/icmp.h"
#include "net/internet_state.h"
#include "wire/icmp.h"
#include "wire/icmp_error.h"
#include "wire/ip4.h"

#include <errno.h>

#define QUOTED_MIN  8   /* of the transport header (RFC 792) */
#define MESSAGE_MAX 576 /* with its IP header, that is what every host can take (RFC 1812 §4.3.2.3) */

static const struct icmp_counted counted[] = {
	{ICMP4_UNREACHABLE,        ICMP_COUNTER(InDestUnreachs), ICMP_COUNTER(OutDestUnreachs)},
	{ ICMP4_TIME_EXCEEDED,     ICMP_COUNTER(InTimeExcds),    ICMP_COUNTER(OutTimeExcds)   },
	{ ICMP4_PARAMETER_PROBLEM, ICMP_COUNTER(InParmProbs),    ICMP_COUNTER(OutParmProbs)   },
	{ ICMP4_REDIRECT,          ICMP_COUNTER(InRedirects),    0                            },
	{ PB_ICMP4_ECHO_REQUEST,   ICMP_COUNTER(InEchos),        0                            },
	{ PB_ICMP4_ECHO_REPLY,     ICMP_COUNTER(InEchoReps),     ICMP_COUNTER(OutEchoReps)    },
};

static const struct icmp_version icmp4 = { .protocol = IPPROTO_ICMP,
					   .echo_reply = PB_ICMP4_ECHO_REPLY,
					   .counted = counted,
					   .kinds = sizeof counted / sizeof *counted };

/*
 * Errors told ----------------------------------------------------------------------------------------------
 */

/* Whether a packet is one of those that no error may be told about (RFC 1122 §3.2.2). */
static bool is_exempt(const struct ip_packet *p, const struct ip4_header *h, const uint8_t *payload)
{
	if (p->group || ip_is_any(&p->src) || ip_is_multicast(&p->src) ||
	    pb_iface_is_broadcast(p->iface, &p->src))
		return true;
	if (h->fragment_offset)
		return true;
	return p->protocol == IPPROTO_ICMP && pb_icmp4_is_error(payload[0]);
}

/* The error with as much of the packet as may be quoted. NULL: no memory. */
static struct pb_buf *quote(struct env *env, const struct icmp_error *e, const struct ip_packet *p,
			    size_t skip)
{
	uint8_t error[ICMP_ERROR_LEN];
	struct writer w = { .p = error, .left = sizeof error };

	pb_icmp_error_write(e, &w);
	return pb_icmp_quote(env, error, MESSAGE_MAX - IP4_HEADER_LEN, p, skip);
}

static void tell(struct internet *net, const struct ip_packet *p, const struct icmp_error *e)
{
	struct ip4_header h;
	struct reader r = { .p = p->header, .left = p->header_len };
	size_t skip = p->buf->data == p->header ? p->header_len : 0;
	uint8_t first = 0;

	if (p->buf->total > skip)
		pb_buf_copy(p->buf, skip, &first, 1);
	if (!pb_ip4_parse(&h, &r, IP4_LEN_MAX) || is_exempt(p, &h, &first) ||
	    !pb_icmp_admit(net, p->iface, &p->src))
		return;
	struct pb_buf *b = quote(net->env, e, p, skip);
	/*
	 * RFC 1812 §4.3.2.5 is for routers: precedence internetwork control, and in the name that was
	 * called.
	 */
	if (b)
		pb_icmp_send(net, &icmp4, &p->dst, &p->src, 0, 0, b);
}

void pb_icmp4_parameter_problem(struct internet *net, const struct ip_packet *p, unsigned pointer)
{
	tell(net, p, &(struct icmp_error){ .type = ICMP4_PARAMETER_PROBLEM, .pointer = (uint8_t)pointer });
}

void pb_icmp4_reassembly_exceeded(struct internet *net, const struct ip_packet *p)
{
	tell(net, p, &(struct icmp_error){ .type = ICMP4_TIME_EXCEEDED, .code = ICMP4_REASSEMBLY_EXCEEDED });
}

void pb_icmp4_unreachable(struct internet *net, const struct ip_packet *p, uint8_t code)
{
	tell(net, p, &(struct icmp_error){ .type = ICMP4_UNREACHABLE, .code = code });
}

/* Whether somebody here waits for an answer: of ICMP only echo requests are asked by anybody. */
static bool is_worth_telling(const struct pb_buf *b, const struct ip4_header *h)
{
	uint8_t type = PB_ICMP4_ECHO_REPLY;

	if (h->protocol == IPPROTO_ICMP && b->total > h->len)
		pb_buf_copy(b, h->len, &type, 1);
	return h->protocol != IPPROTO_ICMP || type == PB_ICMP4_ECHO_REQUEST;
}

void pb_icmp4_tell_ourselves(struct internet *net, struct pb_buf *b)
{
	struct icmp_error unreachable = { .type = ICMP4_UNREACHABLE, .code = ICMP4_HOST };
	struct ip4_header h;
	struct reader r = { .p = b->data, .left = b->len };

	if (pb_ip4_parse(&h, &r, b->total) && !h.fragment_offset && pb_internet_is_local(net, &h.src) &&
	    is_worth_telling(b, &h)) {
		struct ip_packet p = { .buf = b, .header = b->data, .header_len = h.len };
		struct pb_buf *message = quote(net->env, &unreachable, &p, h.len);
		if (message)
			pb_icmp_send(net, &icmp4, &h.src, &h.src, 0, 0, message);
	}
	pb_buf_free(b);
}

/*
 * Errors understood ----------------------------------------------------------------------------------------
 */

/*
 * What Linux makes of codes of ICMP4_UNREACHABLE (RFC 1122 §4.2.3.9 leaves it to us where it is not hard or
 * soft).
 */
static const struct {
	int error;
	bool hard;
} unreachable[] = {
	{ENETUNREACH,   false}, /* net */
	{ EHOSTUNREACH, false}, /* host */
	{ ENOPROTOOPT,  true }, /* protocol */
	{ ECONNREFUSED, true }, /* port */
	{ EMSGSIZE,     false}, /* fragmentation needed and DF set */
	{ EOPNOTSUPP,   false}, /* source route failed */
	{ ENETUNREACH,  true }, /* net unknown */
	{ EHOSTDOWN,    true }, /* host unknown */
	{ ENONET,       true }, /* source host isolated */
	{ ENETUNREACH,  true }, /* net prohibited */
	{ EHOSTUNREACH, true }, /* host prohibited */
	{ ENETUNREACH,  false}, /* net, for this type of service */
	{ EHOSTUNREACH, false}, /* host, for this type of service */
	{ EHOSTUNREACH, true }, /* filtered */
	{ EHOSTUNREACH, true }, /* precedence violation */
	{ EHOSTUNREACH, true }, /* precedence cutoff */
};

/* RFC 1191 §4, §5 */
static uint32_t next_hop_mtu(const struct icmp_error *e, const struct ip4_header *quoted)
{
	uint32_t mtu = e->mtu ? e->mtu : pb_path_mtu_plateau(quoted->packet_len);

	return mtu < IP4_MTU_MIN ? IP4_MTU_MIN : mtu;
}

/* RFC 1122 §3.2.2.2. Whether it is to be heeded, if somebody here has sent what it quotes. */
static bool take_redirect(struct internet *net, const struct ip_packet *p, struct ip_error *to,
			  const struct icmp_error *e)
{
	struct ip gateway = ip_from4(e->gateway);

	if (!pb_redirect_is_sound(net, p->iface, &p->src, &to->dst, &gateway))
		return false;
	to->gateway = gateway;
	to->iface = p->iface;
	return true;
}

/* What it means for sockets. False: nothing. */
static bool interpret(struct ip_error *to, const struct icmp_error *e, const struct ip4_header *quoted)
{
	switch (e->type) {
	case ICMP4_UNREACHABLE:
		if (e->code >= sizeof unreachable / sizeof *unreachable)
			return false;
		to->error = unreachable[e->code].error;
		to->hard = unreachable[e->code].hard;
		to->mtu = e->code == ICMP4_TOO_BIG ? next_hop_mtu(e, quoted) : 0;
		return true;
	case ICMP4_TIME_EXCEEDED:
		to->error = EHOSTUNREACH;
		return true;
	case ICMP4_PARAMETER_PROBLEM:
		to->error = EPROTO;
		to->hard = true;
		return true;
	default: /* RFC 6633 ended source quench */
		return false;
	}
}

static enum ip_verdict take_error(struct internet *net, struct ip_packet *p, struct ip_error *error)
{
	struct reader r = { .p = p->buf->data, .left = p->buf->len };
	struct icmp_error e;
	struct ip4_header quoted;

	/*
	 * A quote is rarely whole: what counts is that the header is, and that there are eight bytes behind
	 * it.
	 */
	if (!pb_icmp_error_parse(&e, &r) || !pb_ip4_parse_quoted(&quoted, &r) || r.left < QUOTED_MIN ||
	    quoted.fragment_offset) {
		net->env->counters.icmp.InErrors++;
		return IP_DELIVER;
	}
	*error = (struct ip_error){ .src = quoted.src,
				    .dst = quoted.dst,
				    .protocol = quoted.protocol,
				    .quote = r.p,
				    .quote_len = r.left,
				    .offender = p->src,
				    .type = e.type,
				    .code = e.code };
	bool ours = pb_internet_is_local(net, &quoted.src) || net->foreign;
	if (!ours || p->group)
		return IP_DELIVER;
	bool heeded =
		e.type == ICMP4_REDIRECT ? take_redirect(net, p, error, &e) : interpret(error, &e, &quoted);
	return heeded ? IP_COMPLAINT : IP_DELIVER;
}

/*
 * Input ----------------------------------------------------------------------------------------------------
 */

/* RFC 1122 §3.2.2.6: a group is not answered, lest one question make many answers. */
static void answer_echo(struct internet *net, const struct ip_packet *p)
{
	struct pb_buf *reply = p->group || p->foreign ? NULL : pb_icmp_echo_reply(net->env, &icmp4, p->buf);

	if (reply)
		pb_icmp_send(net, &icmp4, &p->dst, &p->src, 0, p->tos, reply);
}

enum ip_verdict pb_icmp4_input(struct internet *net, struct ip_packet *p, struct ip_error *error)
{
	uint8_t type;

	if (!pb_icmp_take(net, &icmp4, p, &type))
		return IP_DONE;
	if (pb_icmp4_is_error(type))
		return take_error(net, p, error);
	if (type == PB_ICMP4_ECHO_REQUEST)
		answer_echo(net, p);
	return IP_DELIVER;
}
