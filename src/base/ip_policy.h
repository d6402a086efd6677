/* What RFC 6724 weighs in choosing between addresses, those to call from (§5) and those to call (§6). */
#ifndef PB_BASE_IP_POLICY_H
#define PB_BASE_IP_POLICY_H

#include "base/ip.h"

/* RFC 6724 §3.1: as multicast scopes are numbered (RFC 4291 §2.7). */
enum ip_scope { SCOPE_LINK_LOCAL = 2, SCOPE_GLOBAL = 14 };

unsigned pb_ip_scope(const struct ip *a);

/* Of the default policy table (RFC 6724 §2.1). */
unsigned pb_ip_label(const struct ip *a);
unsigned pb_ip_precedence(const struct ip *a);

/* How many of the first bits of both are the same, 128 at most. */
unsigned pb_ip_common_bits(const struct ip *a, const struct ip *b);

#endif
