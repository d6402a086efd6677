/*
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng), as far as a capture writes them: section,
 * interface, packet. Times are in nanoseconds; all numbers are most significant byte first, which the
 * section's magic says. Pure functions.
 */
#ifndef PB_WIRE_PCAPNG_H
#define PB_WIRE_PCAPNG_H

#include "wire/reader.h"

#define PCAPNG_NAME_MAX       64  /* bytes of an interface's name; the rest is left out */
#define PCAPNG_BLOCK_MAX      128 /* no block below is longer, apart from a packet's bytes */
#define PCAPNG_PADDING(bytes) (-(bytes)&3)

/* IANA's "PCAP LinkType List" */
enum pcapng_link_type {
	PCAPNG_ETHERNET = 1,
	PCAPNG_RAW_IP = 101, /* IPv4 or IPv6, as the version says */
};

/* §4.3.1, epb_flags */
enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* Each returns false if there is no room. */
bool pb_pcapng_section(struct writer *w);
bool pb_pcapng_interface(struct writer *w, enum pcapng_link_type type, const char *name);

/*
 * What comes in front of a packet of len bytes, and what behind: padding, options and the block's end.
 * interface counts from 0 in the order of their blocks; time: since 1970.
 */
bool pb_pcapng_packet_begin(struct writer *w, uint32_t interface, uint64_t time, uint32_t len);
bool pb_pcapng_packet_end(struct writer *w, uint32_t len, enum pcapng_direction direction);

#endif
