/*
 * The TCP header and its options (RFC 9293 §3.1, §3.2; RFC 7323 window scale and timestamps; RFC 2018 SACK; RFC 2385
 * and RFC 5925, signatures; RFC 7413 fast open; RFC 5482 user time-out). Pure functions.
 */
#ifndef PB_WIRE_TCP_H
#define PB_WIRE_TCP_H

#include "wire/reader.h"

#define TCP_HEADER_LEN      20
#define TCP_HEADER_LEN_MAX  60
#define TCP_SACK_BLOCKS_MAX 4 /* RFC 2018 §3: so many fit into 40 bytes of options */

/* RFC 7413 §4.1.1: an even number of bytes */
#define TCP_COOKIE_LEN_MIN      4
#define TCP_COOKIE_LEN_MAX      16
#define TCP_ACCECN_COUNTERS_MAX 3

/* Where fields are, for those who change one in a header that is written. */
#define TCP_SEQ_AT      4
#define TCP_OFFSET_AT   12
#define TCP_FLAGS_AT    13
#define TCP_CHECKSUM_AT 16

enum tcp_flag {
	TCP_FIN = 1, /* RFC 9293 §3.1 */
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_PSH = 8,
	TCP_ACK = 16,
	TCP_URG = 32,
	TCP_ECE = 64, /* RFC 3168 §6.1 */
	TCP_CWR = 128,
	TCP_AE = 256, /* RFC 9768 §3.1 */
};

/* Which option signs a segment. */
enum tcp_auth_kind {
	TCP_UNSIGNED,
	TCP_SIGNED_MD5, /* RFC 2385 */
	TCP_SIGNED_AO,  /* RFC 5925 */
	TCP_SIGNED_WRONG, /* twice, both ways, or in an option of wrong length: to be dropped (RFC 5925 §2.2) */
};

#define TCP_MD5_MAC_LEN 16
#define TCP_MAC_AT      (TCP_HEADER_LEN + 4) /* where it is in a header that we write: the option is the first */

struct tcp_options {
	/* What is there, in one word: most segments have nothing, or nothing but a timestamp. */
	union {
		struct {
			uint16_t mss; /* SYN only; 0: not there */
			bool has_timestamp, has_accecn;
			bool has_window_scale : 1, sack_permitted : 1, has_fast_open : 1,
				has_user_timeout : 1;
			uint8_t sack_count, accecn_count;
			uint8_t auth; /* enum tcp_auth_kind */
		};
		uint64_t present;
	};
	uint32_t ts_value, ts_echo;
	uint8_t window_scale;        /* as sent, possibly above 14 (RFC 7323 §2.3 says how to read that) */
	uint8_t mac_len;             /* of the signature; the next too if it is signed */
	uint8_t mac_at;              /* read: the signature's place in the header, from its first byte */
	uint8_t key_id, next_key_id; /* TCP-AO: KeyID, RNextKeyID */
	/* Fast open, SYN only: a cookie, or with cookie_len 0 a wish for one; perhaps in the form of the experiment before */
	bool fast_open_experiment;
	uint8_t cookie_len;
	union {
		struct {
			uint32_t start, end;
		} sack[TCP_SACK_BLOCKS_MAX];
		uint8_t cookie[TCP_COOKIE_LEN_MAX]; /* a SYN has no blocks */
	};
	/* RFC 9768 §3.2.3: counters of 24 bits, of bytes that came as ECT(0), CE and ECT(1), or the other way round */
	bool accecn_ect1_first;
	uint16_t user_timeout; /* RFC 5482 §3.3: as it is in the option */
	uint32_t accecn[TCP_ACCECN_COUNTERS_MAX];
};

_Static_assert(offsetof(struct tcp_options, ts_value) == sizeof(uint64_t), "one word says what is there");

struct tcp_header {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint16_t flags; /* enum tcp_flag, or-ed */
	uint16_t window;
	uint16_t checksum, urgent;
	uint8_t len; /* of the header with its options, in bytes */
	struct tcp_options options;
};

/*
 * Read a header with its options. False: it is cut short, or its data offset is below 5 or beyond the
 * segment. Options of wrong length end the reading of options, and what was read stays (MUST-7: no option may
 * crash us); unknown ones are passed over (MUST-6), and so are those of the handshake in a segment without
 * SYN (RFC 9293 §3.7.1, RFC 7323 §2.2, RFC 2018 §2).
 */
bool pb_tcp_parse(struct tcp_header *h, struct reader *r);

/* The room that a signature takes among the options, a multiple of 4. */
size_t pb_tcp_auth_len(const struct tcp_options *o);

/* The length that a header with these options will have, a multiple of 4. It may be above what fits. */
size_t pb_tcp_header_len(const struct tcp_options *o);

/*
 * Write a header with its options, padded (NOP, NOP, timestamp as RFC 7323 appendix A advises). len is not looked at;
 * the checksum field is written as given; of a signature, as zero. False: no room, or more options than fit into 40
 * bytes.
 */
bool pb_tcp_write(const struct tcp_header *h, struct writer *w);
/* The same, where pb_tcp_header_len() has been asked already: len. */
bool pb_tcp_write_sized(const struct tcp_header *h, size_t len, struct writer *w);

#endif
