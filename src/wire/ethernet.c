/*
 *  IEEE 802.3 §3.1.1, without preamble and frame check sequence, which are the hardware's
 *  +--------------------+--------------------+------------+
 *  |  Destination (6)   |     Source (6)     |  Type (2)  |
 *  +--------------------+--------------------+------------+
 */
#include "wire/ethernet.h"

const uint8_t pb_ethernet_broadcast[ETHERNET_MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

bool pb_ethernet_parse(struct ethernet_header *h, struct reader *r)
{
	rd_copy(r, h->dst, sizeof h->dst);
	rd_copy(r, h->src, sizeof h->src);
	h->type = rd_u16(r);
	return !r->bad && h->type >= ETHERNET_TYPE_MIN;
}

bool pb_ethernet_write(const struct ethernet_header *h, struct writer *w)
{
	wr_bytes(w, h->dst, sizeof h->dst);
	wr_bytes(w, h->src, sizeof h->src);
	wr_u16(w, h->type);
	return !w->bad;
}
