/*
 *  RFC 4443 §2.1, §3
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |             unused, or (2) MTU, or (4) Pointer                |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |             As much of the packet as possible                 |
 */
#include "wire/icmp6.h"

bool pb_icmp6_error_parse(struct icmp6_error *e, struct reader *r)
{
	e->type = rd_u8(r);
	e->code = rd_u8(r);
	rd_u16(r); /* checksum */
	e->value = rd_u32(r);
	return !r->bad && icmp6_is_error(e->type);
}

bool pb_icmp6_error_write(const struct icmp6_error *e, struct writer *w)
{
	wr_u8(w, e->type);
	wr_u8(w, e->code);
	wr_u16(w, 0);
	wr_u32(w, e->value);
	return !w->bad;
}
