#include "wire/membership.h"

#include "wire/icmp6.h"

/*
 *  RFC 3376 §4.2, RFC 3810 §5.2
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |    Reserved   |           Checksum            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |           Reserved            |  Number of Group Records (M)  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Record Type  |  Aux Data Len |     Number of Sources (N)     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       Multicast Address, sources
 */
bool pb_membership_report_write(bool v6, uint16_t count, struct writer *w)
{
	wr_u8(w, v6 ? ICMP6_MLD_REPORT : IGMP_REPORT);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u16(w, 0);
	wr_u16(w, count);
	return !w->bad;
}

bool pb_membership_source_write(const struct ip *source, struct writer *w)
{
	struct ip bare = ip_in_zone(source, 0);

	if (ip_is4(source))
		wr_bytes(w, ip_bytes4(source), 4);
	else
		wr_bytes(w, bare.bytes, 16);
	return !w->bad;
}

bool pb_membership_record_write(enum membership_record type, const struct ip *group, uint16_t sources,
				struct writer *w)
{
	wr_u8(w, (uint8_t)type);
	wr_u8(w, 0);
	wr_u16(w, sources);
	return pb_membership_source_write(group, w);
}

/*
 * RFC 3376 §4.1.1, RFC 3810 §5.1.3: large codes are floating point, mant_bits of mantissa and three of
 * exponent.
 */
static uint32_t code_value(uint32_t code, unsigned mant_bits)
{
	uint32_t linear = UINT32_C(1) << (mant_bits + 3), mant = code & ((UINT32_C(1) << mant_bits) - 1);

	return code < linear ? code : (mant | UINT32_C(1) << mant_bits) << ((code >> mant_bits & 7) + 3);
}

/* RFC 3376 §7.1 */
static bool parse_igmp(struct membership_query *q, struct reader *r)
{
	size_t len = r->left;
	uint8_t type = rd_u8(r), code = rd_u8(r);

	rd_u16(r);
	const uint8_t *group = rd_bytes(r, 4);
	if (!group || type != IGMP_QUERY || (len > 8 && len < 12))
		return false;
	q->group = ip_from4(group);
	q->version = len > 8 ? 3 : code ? 2 : 1;
	q->response_ms = (len > 8 ? code_value(code, 4) : code) * 100; /* §4.1.1: tenths of a second */
	if (q->version == 1)
		q->response_ms = 10000; /* §7.2.1: ten seconds */
	return true;
}

/* RFC 3810 §8.1 */
static bool parse_mld(struct membership_query *q, struct reader *r)
{
	size_t len = r->left;
	uint8_t type = rd_u8(r);

	rd_u8(r);
	rd_u16(r);
	uint16_t code = rd_u16(r);
	rd_u16(r);
	rd_copy(r, q->group.bytes, 16);
	if (r->bad || type != ICMP6_MLD_QUERY || ip_is4(&q->group) || (len > 24 && len < 28))
		return false;
	q->version = len > 24 ? 2 : 1;
	q->response_ms = len > 24 ? code_value(code, 12) : code;
	return true;
}

bool pb_membership_query_parse(bool v6, struct membership_query *q, struct reader *r)
{
	return v6 ? parse_mld(q, r) : parse_igmp(q, r);
}

/*
 *  RFC 2236 §2; RFC 2710 §3 has 32 bits that are 0 before the group
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |       0       |           Checksum            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       Multicast Address
 */
bool pb_membership_older_write(uint8_t type, const struct ip *group, struct writer *w)
{
	wr_u8(w, type);
	wr_u8(w, 0);
	wr_u16(w, 0);
	if (!ip_is4(group))
		wr_u32(w, 0);
	return pb_membership_source_write(group, w);
}

bool pb_membership_older_report_parse(bool v6, struct ip *group, struct reader *r)
{
	uint8_t type = rd_u8(r), bytes[16] = { 0 };

	rd_u8(r);
	rd_u16(r);
	if (v6)
		rd_u32(r);
	rd_copy(r, bytes, v6 ? 16 : 4);
	*group = v6 ? ip_from6(bytes) : ip_from4(bytes);
	bool is_report = v6 ? type == ICMP6_MLD_V1_REPORT : type == IGMP_V1_REPORT || type == IGMP_V2_REPORT;
	return is_report && !r->bad && ip_is_multicast(group) && ip_is4(group) == !v6;
}
