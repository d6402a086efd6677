/*
 *  draft-ietf-opsawg-pcapng §3.1; a block's length counts all of this
 *  +------------+--------------+----------------+--------------+
 *  |  Type (4)  |  Length (4)  |  Body, padded  |  Length (4)  |
 *  +------------+--------------+----------------+--------------+
 */
#include "wire/pcapng.h"

#define SECTION_HEADER        0x0a0d0d0a /* §4.1 */
#define INTERFACE_DESCRIPTION 1          /* §4.2 */
#define ENHANCED_PACKET       6          /* §4.3 */

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define SECTION_LEN      28
#define ENVELOPE_LEN     12 /* type, length, length */

#define OPTION_END       0
#define OPTION_FLAGS     2 /* of a packet, §4.3.1 */
#define OPTION_NAME      2 /* of an interface, §4.2.1 */
#define OPTION_TSRESOL   9 /* of an interface */
#define NANOSECONDS      9 /* if_tsresol: 10^-9 s */
#define PACKET_FIXED_LEN 20
#define FLAGS_LEN        12 /* the option, and the end of options */

static void option(struct writer *w, uint16_t code, const void *value, uint16_t len)
{
	wr_u16(w, code);
	wr_u16(w, len);
	wr_bytes(w, value, len);
	wr_bytes(w, "\0\0\0", PCAPNG_PADDING(len));
}

bool pb_pcapng_section(struct writer *w)
{
	wr_u32(w, SECTION_HEADER);
	wr_u32(w, SECTION_LEN);
	wr_u32(w, BYTE_ORDER_MAGIC);
	wr_u16(w, 1); /* version 1.0 */
	wr_u16(w, 0);
	wr_u32(w, UINT32_MAX); /* the section's length, 64 bits: not known */
	wr_u32(w, UINT32_MAX);
	wr_u32(w, SECTION_LEN);
	return !w->bad;
}

bool pb_pcapng_interface(struct writer *w, enum pcapng_link_type type, const char *name)
{
	static const uint8_t resolution = NANOSECONDS;
	uint16_t name_len = (uint16_t)strnlen(name, PCAPNG_NAME_MAX);
	uint32_t options = 4u + name_len + PCAPNG_PADDING(name_len) + 4 + 4 + 4;
	uint32_t len = ENVELOPE_LEN + 8 + options;

	wr_u32(w, INTERFACE_DESCRIPTION);
	wr_u32(w, len);
	wr_u16(w, (uint16_t)type);
	wr_u16(w, 0);
	wr_u32(w, 0); /* packets are kept whole */
	option(w, OPTION_NAME, name, name_len);
	option(w, OPTION_TSRESOL, &resolution, 1);
	option(w, OPTION_END, NULL, 0);
	wr_u32(w, len);
	return !w->bad;
}

static uint32_t packet_block_len(uint32_t len)
{
	return ENVELOPE_LEN + PACKET_FIXED_LEN + len + PCAPNG_PADDING(len) + FLAGS_LEN;
}

bool pb_pcapng_packet_begin(struct writer *w, uint32_t interface, uint64_t time, uint32_t len)
{
	wr_u32(w, ENHANCED_PACKET);
	wr_u32(w, packet_block_len(len));
	wr_u32(w, interface);
	wr_u32(w, (uint32_t)(time >> 32));
	wr_u32(w, (uint32_t)time);
	wr_u32(w, len); /* captured */
	wr_u32(w, len); /* original */
	return !w->bad;
}

bool pb_pcapng_packet_end(struct writer *w, uint32_t len, enum pcapng_direction direction)
{
	const uint8_t flags[] = { 0, 0, 0, (uint8_t)direction };

	wr_bytes(w, "\0\0\0", PCAPNG_PADDING(len));
	option(w, OPTION_FLAGS, flags, sizeof flags);
	option(w, OPTION_END, NULL, 0);
	wr_u32(w, packet_block_len(len));
	return !w->bad;
}
