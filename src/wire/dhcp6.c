/*
 *  RFC 8415 §8
 *   0                   1                   2                   3
 *  +---------------+-----------------------------------------------+
 *  |    msg-type   |               transaction-id                  |
 *  +---------------+-----------------------------------------------+
 *  |   option-code, option-len (2 bytes each), option-data ...
 */
#include "wire/dhcp6.h"

/* RFC 8415 §24, RFC 3646 */
enum option {
	CLIENT_ID = 1,
	SERVER_ID = 2,
	OPTION_REQUEST = 6,
	ELAPSED_TIME = 8,
	STATUS_CODE = 13,
	NAME_SERVERS = 23,
	DOMAIN_LIST = 24,
	REFRESH_TIME = 32,
	INF_MAX_RT = 83,
};

static void read_servers(struct dhcp6_message *m, struct reader *r)
{
	while (r->left && !r->bad) {
		struct ip server;
		rd_copy(r, server.bytes, 16);
		bool usable = !r->bad && !ip_is_any(&server) && !ip_is_multicast(&server) && !ip_is4(&server);
		if (usable && ip_zone(&server) == 0 && m->server_count < DHCP6_SERVERS_MAX)
			m->servers[m->server_count++] = server;
	}
}

/* A name that nobody should print is passed over, what comes behind it is not. */
static void read_domains(struct dhcp6_message *m, struct reader *r)
{
	while (r->left && !r->bad) {
		char text[DOMAIN_TEXT];
		if (pb_domain_read(r, text) && text[0] && m->domain_count < DHCP6_DOMAINS_MAX)
			memcpy(m->domains[m->domain_count++], text, sizeof text);
	}
}

static void read_option(struct dhcp6_message *m, uint16_t code, struct reader *r)
{
	switch (code) {
	case CLIENT_ID:
		m->has_client = true;
		break;
	case SERVER_ID:
		m->has_server = r->left > 2; /* RFC 8415 §11.1: behind its type there is something */
		break;
	case ELAPSED_TIME:
		m->elapsed = rd_u16(r);
		break;
	case STATUS_CODE:
		m->status = rd_u16(r);
		break;
	case NAME_SERVERS:
		read_servers(m, r);
		break;
	case DOMAIN_LIST:
		read_domains(m, r);
		break;
	case REFRESH_TIME:
		m->refresh = rd_u32(r);
		break;
	case INF_MAX_RT:
		m->timeout_max = rd_u32(r);
		break;
	}
}

bool pb_dhcp6_parse(struct dhcp6_message *m, struct reader *r)
{
	uint32_t head = rd_u32(r);

	*m = (struct dhcp6_message){ .type = (enum dhcp6_type)(head >> 24), .xid = head & 0xffffff };
	if (r->bad || (m->type != DHCP6_REPLY && m->type != DHCP6_INFORMATION_REQUEST))
		return false;
	while (r->left) {
		uint16_t code = rd_u16(r);
		struct reader body = { .left = rd_u16(r) };
		body.p = rd_bytes(r, body.left);
		if (r->bad)
			return false;
		read_option(m, code, &body);
		if (body.bad)
			return false;
	}
	return true;
}

bool pb_dhcp6_write(const struct dhcp6_message *m, struct writer *w)
{
	static const uint16_t wanted[] = { NAME_SERVERS, DOMAIN_LIST, REFRESH_TIME, INF_MAX_RT };

	wr_u32(w, (uint32_t)m->type << 24 | (m->xid & 0xffffff));
	wr_u16(w, ELAPSED_TIME);
	wr_u16(w, 2);
	wr_u16(w, m->elapsed);
	wr_u16(w, OPTION_REQUEST);
	wr_u16(w, sizeof wanted);
	for (size_t n = 0; n < sizeof wanted / sizeof *wanted; n++)
		wr_u16(w, wanted[n]);
	return !w->bad;
}
