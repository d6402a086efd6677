#include "wire/nd.h"

#include "wire/icmp6.h"

#define OPTION_UNIT 8 /* bytes, of an option's length (RFC 4861 §4.6) */

bool pb_nd_option(struct nd_option *o, struct reader *r)
{
	if (!r->left)
		return false;
	o->type = rd_u8(r);
	size_t len = (size_t)rd_u8(r) * OPTION_UNIT;
	if (len == 0) /* RFC 4861 §4.6: such a message is to be dropped */
		r->bad = true;
	if (r->bad)
		return false;
	o->len = len - 2;
	o->body = rd_bytes(r, o->len);
	return !r->bad;
}

/* Whether all options are well-formed and not too many. */
static bool options_sound(struct reader r)
{
	struct nd_option o;
	unsigned count = 0;

	while (pb_nd_option(&o, &r))
		if (++count > ND_OPTIONS_MAX)
			return false;
	return !r.bad;
}

/* Type, code, checksum. */
static bool read_start(struct reader *r, uint8_t *type)
{
	*type = rd_u8(r);
	uint8_t code = rd_u8(r);
	rd_u16(r);
	return !r->bad && code == 0;
}

/*
 *  RFC 4861 §4.3, §4.4
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |R|S|O|                     Reserved                            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Target Address (16 bytes)                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |   Options ...
 */
#define ROUTER    0x80000000
#define SOLICITED 0x40000000
#define OVERRIDE  0x20000000

static void read_neighbour_options(struct nd_neighbour *m, struct reader *r)
{
	struct nd_option o;

	while (pb_nd_option(&o, r)) {
		if (o.type == (m->advertisement ? ND_TARGET_MAC : ND_SOURCE_MAC))
			m->mac = o.body; /* 6 bytes at least, as a unit has 8 */
		else if (o.type == ND_NONCE)
			m->nonce = o.body;
	}
}

bool pb_nd_neighbour_parse(struct nd_neighbour *m, struct reader *r)
{
	uint8_t type;

	*m = (struct nd_neighbour){ 0 };
	bool sound = read_start(r, &type);
	uint32_t flags = rd_u32(r);
	const uint8_t *target = rd_bytes(r, 16);
	if (!sound || !target ||
	    (type != ICMP6_NEIGHBOUR_SOLICITATION && type != ICMP6_NEIGHBOUR_ADVERTISEMENT) ||
	    !options_sound(*r))
		return false;
	m->advertisement = type == ICMP6_NEIGHBOUR_ADVERTISEMENT;
	m->router = flags & ROUTER;
	m->solicited = flags & SOLICITED;
	m->override = flags & OVERRIDE;
	m->target = ip_from6(target);
	read_neighbour_options(m, r);
	return !ip_is_multicast(&m->target) && !ip_is4(&m->target);
}

static void write_start(struct writer *w, uint8_t type)
{
	wr_u8(w, type);
	wr_u8(w, 0);
	wr_u16(w, 0);
}

static void write_option(struct writer *w, uint8_t type, const uint8_t body[6])
{
	wr_u8(w, type);
	wr_u8(w, 1);
	wr_bytes(w, body, 6);
}

bool pb_nd_neighbour_write(const struct nd_neighbour *m, struct writer *w)
{
	uint32_t flags =
		(m->router ? ROUTER : 0) | (m->solicited ? SOLICITED : 0) | (m->override ? OVERRIDE : 0);

	write_start(w, m->advertisement ? ICMP6_NEIGHBOUR_ADVERTISEMENT : ICMP6_NEIGHBOUR_SOLICITATION);
	wr_u32(w, flags);
	wr_bytes(w, m->target.bytes, 16);
	if (m->mac)
		write_option(w, m->advertisement ? ND_TARGET_MAC : ND_SOURCE_MAC, m->mac);
	if (m->nonce)
		write_option(w, ND_NONCE, m->nonce);
	return !w->bad;
}

bool pb_nd_router_solicitation_write(const uint8_t *mac, struct writer *w)
{
	write_start(w, ICMP6_ROUTER_SOLICITATION);
	wr_u32(w, 0);
	if (mac)
		write_option(w, ND_SOURCE_MAC, mac);
	return !w->bad;
}

/*
 *  RFC 4861 §4.5
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                           Reserved                            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Target Address (16 bytes)                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                 Destination Address (16 bytes)                |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |   Options ...
 */
bool pb_nd_redirect_parse(struct nd_redirect *m, struct reader *r)
{
	uint8_t type;
	bool sound = read_start(r, &type);
	struct nd_option o;

	*m = (struct nd_redirect){ 0 };
	rd_u32(r);
	rd_copy(r, m->target.bytes, 16);
	rd_copy(r, m->dst.bytes, 16);
	if (!sound || r->bad || type != ICMP6_REDIRECT || ip_is4(&m->target) || ip_is4(&m->dst) ||
	    !options_sound(*r))
		return false;
	while (pb_nd_option(&o, r))
		if (o.type == ND_TARGET_MAC)
			m->mac = o.body; /* 6 bytes at least, as a unit has 8 */
	return true;
}

/*
 *  RFC 4861 §4.2
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  | Cur Hop Limit |M|O|  Reserved |       Router Lifetime         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                         Reachable Time                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                          Retrans Timer                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |   Options ...
 */
bool pb_nd_router_parse(struct nd_router *m, struct reader *r)
{
	uint8_t type;
	bool sound = read_start(r, &type);

	m->hop_limit = rd_u8(r);
	uint8_t flags = rd_u8(r);
	m->managed = flags & 0x80;
	m->other = flags & 0x40;
	m->lifetime = rd_u16(r);
	m->reachable_time = rd_u32(r);
	m->retrans_timer = rd_u32(r);
	m->options = *r;
	return sound && !r->bad && type == ICMP6_ROUTER_ADVERTISEMENT && options_sound(*r);
}

/*
 *  RFC 4861 §4.6.2
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |    Length     | Prefix Length |L|A| Reserved1 |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                         Valid Lifetime                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       Preferred Lifetime                      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                           Reserved2                           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        Prefix (16 bytes)                      |
 */
bool pb_nd_prefix(struct nd_prefix *p, const struct nd_option *o)
{
	struct reader r = { .p = o->body, .left = o->len };

	p->bits = rd_u8(&r);
	uint8_t flags = rd_u8(&r);
	p->on_link = flags & 0x80;
	p->autonomous = flags & 0x40;
	p->valid = rd_u32(&r);
	p->preferred = rd_u32(&r);
	rd_u32(&r);
	rd_copy(&r, p->prefix.bytes, 16);
	return o->type == ND_PREFIX && !r.bad && p->bits <= 128 && !ip_is4(&p->prefix);
}

uint32_t pb_nd_mtu(const struct nd_option *o)
{
	struct reader r = { .p = o->body, .left = o->len };

	rd_u16(&r);
	uint32_t mtu = rd_u32(&r);
	return o->type == ND_MTU ? mtu : 0;
}

bool pb_nd_rdnss(const struct nd_option *o, unsigned n, struct ip *server, uint32_t *lifetime)
{
	struct reader r = { .p = o->body, .left = o->len };

	rd_u16(&r);
	*lifetime = rd_u32(&r);
	rd_bytes(&r, (size_t)n * 16);
	rd_copy(&r, server->bytes, 16);
	return o->type == ND_RDNSS && !r.bad && !ip_is4(server);
}

unsigned pb_nd_dnssl(const struct nd_option *o, char (*domains)[DOMAIN_TEXT], unsigned count_max,
		     uint32_t *lifetime)
{
	struct reader r = { .p = o->body, .left = o->len };
	unsigned count = 0;

	rd_u16(&r);
	*lifetime = rd_u32(&r);
	while (r.left && count < count_max && !r.bad)
		if (pb_domain_read(&r, domains[count]) && domains[count][0]) /* behind the last are zeroes */
			count++;
	return o->type == ND_DNSSL ? count : 0;
}
