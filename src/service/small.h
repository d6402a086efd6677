/* What the small UDP services share. */
#ifndef SERVICE_SMALL_H
#define SERVICE_SMALL_H

#include "service/service.h"

/*
 * Whether a datagram may be answered. One that claims to come from the port of a small service is not: a forged one
 * could otherwise set two servers on each other for ever (CERT CA-1996-01).
 */
static inline bool small_may_answer(const struct datagram *d)
{
	switch (pb_addr_port(&d->from)) {
	case 0:
	case 7:  /* echo, RFC 862 */
	case 13: /* daytime, RFC 867 */
	case 17: /* quote of the day, RFC 865 */
	case 19: /* chargen, RFC 864 */
	case 37: /* time, RFC 868 */
		return false;
	default:
		return true;
	}
}

#endif
