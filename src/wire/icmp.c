/*
 *  RFC 792, page 14, and RFC 4443 4.1
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |           Identifier          |        Sequence Number        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Data ...
 *  +-+-+-+-+-
 */
#include "wire/icmp.h"

#include "base/checksum.h"
#include "wire/reader.h"

static bool is_echo(uint8_t type)
{
	return type == PB_ICMP4_ECHO_REPLY || type == PB_ICMP4_ECHO_REQUEST ||
	       type == PB_ICMP6_ECHO_REQUEST || type == PB_ICMP6_ECHO_REPLY;
}

bool pb_icmp_echo_parse(struct pb_icmp_echo *e, const void *message, size_t len)
{
	struct reader r = { .p = message, .left = len };

	e->type = rd_u8(&r);
	uint8_t code = rd_u8(&r);
	e->checksum = rd_u16(&r);
	e->id = rd_u16(&r);
	e->seq = rd_u16(&r);
	e->data_len = r.left;
	e->data = rd_bytes(&r, r.left);
	return !r.bad && is_echo(e->type) && code == 0;
}

size_t pb_icmp_echo_write(const struct pb_icmp_echo *e, void *message, size_t room)
{
	struct writer w = { .p = message, .left = room };

	wr_u8(&w, e->type);
	wr_u8(&w, 0);  /* code */
	wr_u16(&w, 0); /* checksum */
	wr_u16(&w, e->id);
	wr_u16(&w, e->seq);
	wr_bytes(&w, e->data, e->data_len);
	return w.bad ? 0 : PB_ICMP_ECHO_LEN + e->data_len;
}

void pb_icmp_seal(void *message, size_t len, uint64_t pseudo)
{
	uint8_t *p = (uint8_t *)message + PB_ICMP_CHECKSUM_AT;

	p[0] = p[1] = 0;
	uint16_t sum = pb_checksum_finish(pb_checksum_add(pseudo, message, len));
	p[0] = (uint8_t)(sum >> 8);
	p[1] = (uint8_t)sum;
}

bool pb_icmp_intact(const void *message, size_t len, uint64_t pseudo)
{
	return pb_checksum_finish(pb_checksum_add(pseudo, message, len)) == 0;
}
