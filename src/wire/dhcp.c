/*
 *  RFC 2131 §2
 *   0                   1                   2                   3
 *  +---------------+---------------+---------------+---------------+
 *  |     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |
 *  +---------------+---------------+---------------+---------------+
 *  |                            xid (4)                            |
 *  +-------------------------------+-------------------------------+
 *  |           secs (2)            |           flags (2)           |
 *  +-------------------------------+-------------------------------+
 *  |  ciaddr (4) | yiaddr (4) | siaddr (4) | giaddr (4)            |
 *  +---------------------------------------------------------------+
 *  |  chaddr (16) | sname (64) | file (128) | options (variable)   |
 *  +---------------------------------------------------------------+
 */
#include "wire/dhcp.h"

#define COOKIE    0x63825363 /* RFC 2131 §3 */
#define SNAME_LEN 64
#define FILE_LEN  128

/* RFC 2132 */
enum option {
	PAD = 0,
	SUBNET_MASK = 1,
	ROUTER = 3,
	NAME_SERVER = 6,
	DOMAIN_NAME = 15,
	REQUESTED_ADDRESS = 50,
	LEASE_TIME = 51,
	OVERLOAD = 52,
	MESSAGE_TYPE = 53,
	SERVER_ID = 54,
	PARAMETERS = 55,
	MESSAGE_SIZE = 57,
	RENEWAL_TIME = 58,
	REBINDING_TIME = 59,
	DOMAIN_SEARCH = 119, /* RFC 3397 */
	END = 255,
};

static struct ip none(void)
{
	return ip_from4((const uint8_t[4]){ 0 });
}

static struct ip read_ip(struct reader *r)
{
	const uint8_t *p = rd_bytes(r, 4);

	return p ? ip_from4(p) : none();
}

/* How many ones a mask begins with; 0: it is none (RFC 950 allows holes, nobody has them). */
static unsigned bits_of(uint32_t mask)
{
	unsigned bits = 0;

	while (bits < 32 && mask >> (31 - bits) & 1)
		bits++;
	return bits < 32 && mask << bits ? 0 : bits;
}

/* What is only understood when all options have been read. */
struct found {
	uint8_t overload;
	char domain[DOMAIN_TEXT]; /* "": none */
	/* A list that is in several options goes on from one to the next (RFC 3396, RFC 3397 §2). */
	uint8_t search[DHCP_LEN_MAX];
	size_t search_len;
};

/* Some servers end it with a NUL (RFC 2132 §2) or a dot. One that is no name is as good as none. */
static void read_domain(struct found *f, struct reader *r)
{
	size_t len = r->left;

	while (len && (r->p[len - 1] == '\0' || r->p[len - 1] == '.'))
		len--;
	if (len >= sizeof f->domain || memchr(r->p, '\0', len))
		return;
	memcpy(f->domain, r->p, len);
	f->domain[len] = '\0';
	if (!pb_domain_is_name(f->domain))
		f->domain[0] = '\0';
}

static void read_search(struct found *f, struct reader *r)
{
	size_t room = sizeof f->search - f->search_len, len = r->left < room ? r->left : room;

	rd_copy(r, f->search + f->search_len, len);
	f->search_len += len;
}

/* What is no name is passed over, and what follows a name that is cut short, not read. */
static void take_domains(struct dhcp_message *m, const struct found *f)
{
	for (size_t at = 0; at < f->search_len && m->domain_count < DHCP_DOMAINS_MAX;) {
		char *text = m->domains[m->domain_count];
		if (pb_domain_read_compressed(f->search, f->search_len, &at, text) && text[0])
			m->domain_count++;
	}
	if (!m->domain_count && f->domain[0])
		memcpy(m->domains[m->domain_count++], f->domain, sizeof f->domain);
}

static void read_option(struct dhcp_message *m, uint8_t kind, struct reader *r, struct found *f)
{
	switch (kind) {
	case SUBNET_MASK:
		m->bits = bits_of(rd_u32(r));
		break;
	case ROUTER:
		m->router = read_ip(r);
		break;
	case NAME_SERVER:
		while (r->left >= 4 && m->server_count < DHCP_SERVERS_MAX)
			m->servers[m->server_count++] = read_ip(r);
		break;
	case LEASE_TIME:
		m->lease = rd_u32(r);
		break;
	case RENEWAL_TIME:
		m->renew = rd_u32(r);
		break;
	case REBINDING_TIME:
		m->rebind = rd_u32(r);
		break;
	case MESSAGE_TYPE:
		m->type = (enum dhcp_type)rd_u8(r);
		break;
	case SERVER_ID:
		m->server = read_ip(r);
		break;
	case REQUESTED_ADDRESS:
		m->requested = read_ip(r);
		break;
	case OVERLOAD:
		f->overload = rd_u8(r);
		break;
	case DOMAIN_NAME:
		read_domain(f, r);
		break;
	case DOMAIN_SEARCH:
		read_search(f, r);
		break;
	}
}

static bool read_options(struct dhcp_message *m, struct reader r, struct found *f)
{
	while (r.left) {
		uint8_t kind = rd_u8(&r);
		if (kind == PAD)
			continue;
		if (kind == END)
			return true;
		struct reader body = { .left = rd_u8(&r) };
		body.p = rd_bytes(&r, body.left);
		if (r.bad)
			return false;
		read_option(m, kind, &body, f);
		if (body.bad)
			return false;
	}
	return true;
}

static bool read_fixed(struct dhcp_message *m, struct reader *r)
{
	uint8_t op = rd_u8(r), hardware = rd_u8(r), hardware_len = rd_u8(r);

	rd_u8(r); /* hops */
	m->reply = op == 2;
	m->xid = rd_u32(r);
	m->secs = rd_u16(r);
	m->broadcast = rd_u16(r) & 0x8000;
	m->client = read_ip(r);
	m->yours = read_ip(r);
	rd_bytes(r, 8); /* siaddr and giaddr are for booting and for relays */
	rd_copy(r, m->mac, sizeof m->mac);
	rd_bytes(r, 10);
	return !r->bad && (op == 1 || op == 2) && hardware == 1 && hardware_len == 6;
}

bool pb_dhcp_parse(struct dhcp_message *m, struct reader *r)
{
	struct found f = { 0 };

	*m = (struct dhcp_message){ .server = none(), .requested = none(), .router = none() };
	if (!read_fixed(m, r))
		return false;
	struct reader sname = { .p = rd_bytes(r, SNAME_LEN), .left = SNAME_LEN };
	struct reader file = { .p = rd_bytes(r, FILE_LEN), .left = FILE_LEN };
	uint32_t cookie = rd_u32(r);
	if (r->bad || cookie != COOKIE || !read_options(m, *r, &f))
		return false;
	/* RFC 2132 §9.3: options that had no room elsewhere. */
	if ((f.overload & 1 && !read_options(m, file, &f)) || (f.overload & 2 && !read_options(m, sname, &f)))
		return false;
	take_domains(m, &f);
	return m->type >= DHCP_DISCOVER && m->type <= DHCP_RELEASE;
}

static void write_ip_option(struct writer *w, uint8_t kind, const struct ip *ip)
{
	if (!ip_is4(ip) || ip_is_any(ip))
		return;
	wr_u8(w, kind);
	wr_u8(w, 4);
	wr_bytes(w, ip_bytes4(ip), 4);
}

static void write_options(const struct dhcp_message *m, struct writer *w)
{
	static const uint8_t wanted[] = { SUBNET_MASK, ROUTER,       NAME_SERVER,    DOMAIN_NAME,
					  LEASE_TIME,  RENEWAL_TIME, REBINDING_TIME, DOMAIN_SEARCH };

	wr_u32(w, COOKIE);
	wr_bytes(w, (const uint8_t[]){ MESSAGE_TYPE, 1, (uint8_t)m->type }, 3);
	write_ip_option(w, REQUESTED_ADDRESS, &m->requested);
	write_ip_option(w, SERVER_ID, &m->server);
	wr_bytes(w, (const uint8_t[]){ MESSAGE_SIZE, 2, DHCP_LEN_MAX >> 8, DHCP_LEN_MAX & 255 }, 4);
	wr_bytes(w, (const uint8_t[]){ PARAMETERS, sizeof wanted }, 2);
	wr_bytes(w, wanted, sizeof wanted);
	wr_u8(w, END);
}

bool pb_dhcp_write(const struct dhcp_message *m, struct writer *w)
{
	struct writer out = { .p = w->p, .left = w->left < DHCP_LEN_MIN ? 0 : DHCP_LEN_MIN };

	wr_bytes(&out, (const uint8_t[]){ 1, 1, 6, 0 }, 4);
	wr_u32(&out, m->xid);
	wr_u16(&out, m->secs);
	wr_u16(&out, m->broadcast ? 0x8000 : 0);
	wr_bytes(&out, ip_is4(&m->client) ? ip_bytes4(&m->client) : (const uint8_t[4]){ 0 }, 4);
	uint8_t *rest = wr_room(&out, 12);
	if (rest)
		memset(rest, 0, 12);
	wr_bytes(&out, m->mac, sizeof m->mac);
	rest = wr_room(&out, 10 + SNAME_LEN + FILE_LEN);
	if (rest)
		memset(rest, 0, 10 + SNAME_LEN + FILE_LEN);
	write_options(m, &out);
	if (out.bad) {
		w->bad = true;
		return false;
	}
	memset(out.p, PAD, out.left);
	wr_room(w, DHCP_LEN_MIN);
	return true;
}
