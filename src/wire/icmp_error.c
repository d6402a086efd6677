/*
 *  RFC 792, pages 4 to 8, RFC 1191 §4: what is unused is zero
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  (12) Pointer |    (unused)   | (3, 4)  Next-Hop MTU          |
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
	e->pointer = rd_u8(r);
	rd_u8(r);
	e->mtu = rd_u16(r);
	return !r->bad && pb_icmp4_is_error(e->type);
}

bool pb_icmp_error_write(const struct icmp_error *e, struct writer *w)
{
	wr_u8(w, e->type);
	wr_u8(w, e->code);
	wr_u16(w, 0);
	wr_u8(w, e->pointer);
	wr_u8(w, 0);
	wr_u16(w, e->mtu);
	return !w->bad;
}
