/*
 * TCP's Authentication Option (RFC 5925), as Linux's sockets have it since 6.7: pb_setsockopt() and pb_getsockopt() at
 * level IPPROTO_TCP with these names and structs, which are those of its <linux/tcp.h> under names that are in no older
 * header's way. On the host's net they go to the kernel, which may have been built without (-ENOPROTOOPT).
 *
 * The older signatures of RFC 2385 need nothing from here: TCP_MD5SIG and TCP_MD5SIG_EXT are in <netinet/tcp.h>.
 */
#ifndef PACKETBOAT_TCP_AUTH_H
#define PACKETBOAT_TCP_AUTH_H

#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PB_TCP_AO_ADD_KEY 38 /* struct pb_tcp_ao_add */
#define PB_TCP_AO_DEL_KEY 39 /* struct pb_tcp_ao_del */
#define PB_TCP_AO_INFO    40 /* struct pb_tcp_ao_info, in both directions */

#define PB_TCP_AO_KEY_MAX     80
#define PB_TCP_AO_IFINDEX     (1 << 0) /* keyflags: the key is for one VRF, of which our stacks have none */
#define PB_TCP_AO_EXCLUDE_OPT (1 << 1) /* keyflags: the signature does not cover the other options */

/*
 * Share a key with a peer, or with all in a prefix (a master key tuple, RFC 5925 §3.1): before connect(), on a
 * listener, whose connections inherit it, or on a connection that has one. -EEXIST: an identifier is taken. -ENOENT: no
 * such algorithm. -EKEYREJECTED: there is a TCP_MD5SIG key for that peer. -EISCONN: the connection goes without.
 * -EINVAL.
 */
struct pb_tcp_ao_add {
	struct sockaddr_storage addr; /* of the peer; port 0 */
	char alg_name[64];            /* "hmac(sha1)", "cmac(aes128)" (RFC 5926) */
	int32_t ifindex;
	uint32_t set_current : 1, /* sign with it from now on */
		set_rnext : 1,    /* ask the peer to sign with it */
		reserved : 30;    /* 0, as the next */
	uint16_t reserved2;
	uint8_t prefix;       /* bits of addr */
	uint8_t sndid, rcvid; /* its identifier in segments that leave, and come */
	uint8_t maclen;       /* bytes of the signature; 0: 12 */
	uint8_t keyflags;
	uint8_t keylen;
	uint8_t key[PB_TCP_AO_KEY_MAX];
} __attribute__((aligned(8)));

/* -ENOENT: there is none of this peer and these identifiers. -EBUSY: it is in use; name others to use instead. */
struct pb_tcp_ao_del {
	struct sockaddr_storage addr;
	int32_t ifindex;
	uint32_t set_current : 1, /* to current_key, before */
		set_rnext : 1,    /* to rnext */
		del_async : 1,    /* of a listener: it does not matter here */
		reserved : 29;
	uint16_t reserved2;
	uint8_t prefix;
	uint8_t sndid, rcvid;
	uint8_t current_key; /* by its sndid */
	uint8_t rnext;       /* by its rcvid */
	uint8_t keyflags;
} __attribute__((aligned(8)));

/* -ENOENT: the socket has no keys, or not these. */
struct pb_tcp_ao_info {
	uint32_t set_current : 1, /* current_key is to be set; it is set */
		set_rnext : 1,    /* rnext, likewise */
		ao_required : 1,  /* no connection without */
		set_counters : 1, /* the counters are to be set */
		accept_icmps : 1, /* believe ICMP (RFC 5925 §7.8) */
		reserved : 27;
	uint16_t reserved2;
	uint8_t current_key; /* its sndid */
	uint8_t rnext;       /* its rcvid */
	uint64_t pkt_good;   /* segments that came: signed right, */
	uint64_t pkt_bad;    /* wrong, */
	uint64_t pkt_key_not_found;
	uint64_t pkt_ao_required; /* not at all; */
	uint64_t pkt_dropped_icmp;
} __attribute__((aligned(8)));

#ifdef __cplusplus
}
#endif
#endif
