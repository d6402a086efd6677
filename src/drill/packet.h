/*
 * A packet as a script writes it: `> P. 1:1001(1000) ack 1 win 256 <nop,nop,TS val 1 ecr 2>`. Expected ones, those to
 * be sent to the stack, and those that were seen have this one form; its numbers are the script's (flow.h changes
 * them into those on the wire and back).
 */
#ifndef DRILL_PACKET_H
#define DRILL_PACKET_H

#include "base/ip.h"
#include "wire/tcp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_OPTIONS_MAX (TCP_HEADER_LEN_MAX - TCP_HEADER_LEN)
#define PACKET_LEN_MAX     65535
#define PACKET_TEXT_LEN    512
#define PACKET_AO_MAC_LEN  12 /* RFC 5926 §3.2 */

enum packet_protocol { PACKET_TCP, PACKET_UDP, PACKET_ICMP };

/* What of the IP header's second byte a script looks at. */
enum packet_tos { TOS_ANY, TOS_ECN, TOS_ECT0_OR_1, TOS_ALL };

struct packet {
	enum packet_protocol protocol;
	bool outbound; /* it comes from the stack */
	enum packet_tos tos_kind;
	uint8_t tos, ttl;            /* ttl 0: not looked at */
	uint32_t flow_label;         /* of IPv6; 0: not looked at */
	uint16_t src_port, dst_port; /* 0: the script does not say */
	uint32_t len;                /* of the text */

	/* TCP */
	uint16_t flags; /* enum tcp_flag, or-ed */
	uint32_t seq, ack;
	uint16_t window, urgent;
	bool any_window, any_options; /* not looked at */
	uint8_t options_len;
	uint8_t options[PACKET_OPTIONS_MAX]; /* as on the wire */
	const char *
		sign_key; /* a key in place of the signature, which is zero: signature.h; NULL: it is as written */
	uint32_t src_isn, dst_isn; /* on the wire: of the connection, for that */

	/* ICMP; in a script by name, which means a number only once the version of IP is known */
	const char *type_name, *code_name;
	uint8_t type, code;
	uint16_t mtu, id;
	enum packet_protocol quoted; /* the packet it complains of: where it begins and how long it is */
	uint32_t quoted_seq, quoted_len;
};

/* How the script would write it. Returns text. */
const char *drill_packet_text(const struct packet *p, char text[PACKET_TEXT_LEN]);

/* Write the names of what differs between what was expected and seen, "ack, window". True: nothing does. */
bool drill_packet_compare(const struct packet *expected, const struct packet *seen, char *differences,
			  size_t room);

/* An ICMP message's numbers by its names. code may be NULL: 0. False: there are none such. */
bool drill_icmp_numbers(bool ip6, const char *type_name, const char *code_name, uint8_t *type, uint8_t *code);
/* And its names by its numbers, where they have any. */
void drill_icmp_names(bool ip6, struct packet *p);

/* Where in the options the length of the first one of a kind is; 0: there is none, or they are wrong. */
size_t drill_packet_option(const struct packet *p, uint8_t kind);

/* Who is who on the wire. */
struct packet_ends {
	struct ip src, dst;
	uint16_t src_port, dst_port;
};

/*
 * Write a packet for the wire, from its numbers as they are. *len: the room, then the length. False: it does not fit,
 * or cannot be said.
 */
bool drill_packet_write(const struct packet *p, const struct packet_ends *ends, uint8_t *bytes, size_t *len);

/* Read one from the wire. False: why tells. */
bool drill_packet_read(struct packet *p, struct packet_ends *ends, const uint8_t *bytes, size_t len,
		       const char **why);

/* Kinds of options (IANA, "TCP Parameters"). */
enum {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_WSCALE = 3,
	OPTION_SACK_PERMITTED = 4,
	OPTION_SACK = 5,
	OPTION_TIMESTAMP = 8,
	OPTION_MD5 = 19,
	OPTION_USER_TIMEOUT = 28,
	OPTION_AO = 29,
	OPTION_FAST_OPEN = 34,
	OPTION_ACCECN0 = 172,
	OPTION_ACCECN1 = 174,
	OPTION_EXPERIMENT = 254,
};
#define OPTION_FAST_OPEN_MAGIC 0xf989 /* RFC 7413 §4.1.1, the experiment's identifier */

#endif
