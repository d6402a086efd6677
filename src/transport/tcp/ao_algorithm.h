/*
 * The cryptography of TCP-AO (RFC 5926): two algorithms, each a MAC over segments and a function that derives the keys
 * for it, the traffic keys, from the key that users share and from what the connection is.
 */
#ifndef PB_TRANSPORT_TCP_AO_ALGORITHM_H
#define PB_TRANSPORT_TCP_AO_ALGORITHM_H

#include "base/cmac.h"
#include "base/hmac.h"
#include "transport/pairs.h"
#include "transport/tcp/seq.h"

#define AO_TRAFFIC_KEY_MAX SHA1_LEN
#define AO_MAC_MAX         SHA1_LEN
#define AO_MAC_LEN         12 /* RFC 5926 §3.2: both are cut to 96 bits, unless users say otherwise */

/* A MAC that is being made. */
union ao_mac {
	struct hmac_sha1 hmac;
	struct cmac cmac;
};

struct ao_algorithm {
	const char *name; /* as Linux's users write it */
	uint8_t key_len;  /* of a traffic key */
	uint8_t mac_max;  /* all of a MAC */
	/* The key for the MAC that derives traffic keys, from one of any length (RFC 5926 §3.1.1). */
	void (*begin_master)(union ao_mac *m, const uint8_t *key, size_t len);
	void (*begin)(union ao_mac *m, const uint8_t *traffic_key);
	void (*add)(union ao_mac *m, const void *data, size_t len);
	void (*end)(union ao_mac *m, uint8_t mac[AO_MAC_MAX]); /* mac_max bytes; leaves no key in m */
};

/* "hmac(sha1)", "cmac(aes128)"; NULL: there is none of that name. */
const struct ao_algorithm *pb_tcp_ao_algorithm(const char *name);

/* One direction of a connection, RFC 5925 §5.2. */
struct ao_context {
	struct ip src, dst;
	uint16_t src_port, dst_port;
	seq src_isn, dst_isn; /* dst_isn: 0 in a SYN */
};

void pb_tcp_ao_derive(const struct ao_algorithm *a, const uint8_t *master, size_t len,
		      const struct ao_context *context, uint8_t traffic_key[AO_TRAFFIC_KEY_MAX]);

#endif
