/*
 *  RFC 768, "Format"
 *   0      7 8     15 16    23 24    31
 *  +--------+--------+--------+--------+
 *  |   Source Port   |    Dest Port    |
 *  +--------+--------+--------+--------+
 *  |     Length      |    Checksum     |
 *  +--------+--------+--------+--------+
 */
#include "wire/udp.h"

bool pb_udp_parse(struct udp_header *h, struct reader *r, size_t came)
{
	h->src_port = rd_u16(r);
	h->dst_port = rd_u16(r);
	h->len = rd_u16(r);
	h->checksum = rd_u16(r);
	return !r->bad && h->len >= UDP_HEADER_LEN && h->len <= came;
}

bool pb_udp_write(const struct udp_header *h, struct writer *w)
{
	wr_u16(w, h->src_port);
	wr_u16(w, h->dst_port);
	wr_u16(w, h->len);
	wr_u16(w, h->checksum);
	return !w->bad;
}
