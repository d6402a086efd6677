/*
 *  RFC 792, pages 4 to 8, RFC 1191 §4: what is unused is zero
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  (12) Pointer |    (unused)   | (3, 4)  Next-Hop MTU          |
 *  |  (5)  Gateway Internet Address                                |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |      Internet Header + 64 bits of Original Data Datagram      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "wire/icmp_error.h"

bool pb_icmp4_is_error(uint8_t type)
{
	return type == ICMP4_UNREACHABLE || type == ICMP4_SOURCE_QUENCH || type == ICMP4_REDIRECT ||
	       type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER_PROBLEM;
}

bool pb_icmp_error_parse(struct icmp_error *e, struct reader *r)
{
	e->type = rd_u8(r);
	e->code = rd_u8(r);
	rd_u16(r); /* checksum */
	rd_copy(r, e->gateway, sizeof e->gateway);
	e->pointer = e->gateway[0];
	e->mtu = (uint16_t)(e->gateway[2] << 8 | e->gateway[3]);
	return !r->bad && pb_icmp4_is_error(e->type);
}

bool pb_icmp_error_write(const struct icmp_error *e, struct writer *w)
{
	wr_u8(w, e->type);
	wr_u8(w, e->code);
	wr_u16(w, 0);
	if (e->type == ICMP4_REDIRECT) {
		wr_bytes(w, e->gateway, sizeof e->gateway);
		return !w->bad;
	}
	wr_u8(w, e->pointer);
	wr_u8(w, 0);
	wr_u16(w, e->mtu);
	return !w->bad;
}
