/*
 * The messages that tell routers of groups: IGMPv3 (RFC 3376 §4) and MLDv2 (RFC 3810 §5), the same but for the
 * length of an address and a few numbers; and those of their older versions (RFC 1112, RFC 2236, RFC 2710). Pure
 * functions.
 */
#ifndef PB_WIRE_MEMBERSHIP_H
#define PB_WIRE_MEMBERSHIP_H

#include "base/ip.h"
#include "wire/reader.h"

#define IGMP_QUERY     0x11
#define IGMP_REPORT    0x22
#define IGMP_V1_REPORT 0x12 /* RFC 1112, appendix I */
#define IGMP_V2_REPORT 0x16 /* RFC 2236 §2.1 */
#define IGMP_V2_LEAVE  0x17

#define IGMP_VERSION 3 /* the newest */
#define MLD_VERSION  2

/*
 * What a record says of a group (RFC 3376 §4.2.12, RFC 3810 §5.2.12): that we hear its sources, or all but these. To
 * exclude nobody is to listen, to include nobody is not to.
 */
enum membership_record {
	MEMBERSHIP_IS_INCLUDE = 1, /* as you ask */
	MEMBERSHIP_IS_EXCLUDE = 2,
	MEMBERSHIP_TO_INCLUDE = 3, /* from now on, and was EXCLUDE before */
	MEMBERSHIP_TO_EXCLUDE = 4, /* the other way round */
	MEMBERSHIP_ALLOW = 5,      /* these sources, too */
	MEMBERSHIP_BLOCK = 6,      /* these no more */
};

#define MEMBERSHIP_REPORT_LEN 8  /* before the records */
#define MEMBERSHIP_RECORD_MAX 20 /* bytes of one, before its sources */

/* Begin a report of count records, its checksum 0. False: no room. */
bool pb_membership_report_write(bool v6, uint16_t count, struct writer *w);
/* A record, and then so many sources, of the group's family. */
bool pb_membership_record_write(enum membership_record type, const struct ip *group, uint16_t sources,
				struct writer *w);
bool pb_membership_source_write(const struct ip *source, struct writer *w);

/* A router asks. */
struct membership_query {
	struct ip group;      /* any: of all groups */
	uint32_t response_ms; /* when to answer by */
	unsigned version;     /* of the protocol that it speaks */
};

/*
 * Read a query, of the family of v6, of which r has all, or 28 bytes at least: by its length one knows the version (RFC
 * 3376 §7.1, RFC 3810 §8.1). False: it is none, or of no such length. The checksum is not judged.
 */
bool pb_membership_query_parse(bool v6, struct membership_query *q, struct reader *r);

/* A message of an older version, which is about one group; its checksum 0. False: no room. */
#define MEMBERSHIP_OLDER_MAX 24
bool pb_membership_older_write(uint8_t type, const struct ip *group, struct writer *w);

/* Read a report of an older version. False: it is none, or cut short. The checksum is not judged. */
bool pb_membership_older_report_parse(bool v6, struct ip *group, struct reader *r);

#endif
