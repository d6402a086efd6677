#include "wire/ecn.h"

#include "base/checksum.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define IP6_ECN_SHIFT 4 /* of the second byte: the rest of it begins the flow label (RFC 8200 §3) */

static bool is_header(const uint8_t *ip, size_t len)
{
	uint8_t version = len ? ip[0] >> 4 : 0;

	return (version == 4 && len >= IP4_HEADER_LEN) || (version == 6 && len >= IP6_HEADER_LEN);
}

enum ecn_codepoint pb_ecn_read(const uint8_t *ip, size_t len)
{
	if (!is_header(ip, len))
		return ECN_NOT_ECT;
	return ecn_of(ip[0] >> 4 == 4 ? ip[1] : ip[1] >> IP6_ECN_SHIFT);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

void pb_ecn_mark(uint8_t *ip)
{
	uint16_t before = get16(ip);

	if (ip[0] >> 4 == 6) {
		ip[1] |= ECN_CE << IP6_ECN_SHIFT;
		return;
	}
	ip[1] |= ECN_CE;
	uint16_t sum = pb_checksum_update(get16(ip + IP4_CHECKSUM_AT), before, get16(ip));
	ip[IP4_CHECKSUM_AT] = (uint8_t)(sum >> 8);
	ip[IP4_CHECKSUM_AT + 1] = (uint8_t)sum;
}
