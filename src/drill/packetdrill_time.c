/* The packets that the original packetdrill injects and expects, and the time that passes meanwhile. */
#include "drill/packetdrill.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKET_WAIT PB_SEC(60) /* for a packet that does not come: then the script has failed */
#define ICMP6_GROUPS                                                                                         \
	130 /* first and last type of what a host says about groups and neighbours: RFC 2710, 4861 */
#define ICMP6_NEIGHBOUR 143
#define ICMP6_AT        40 /* behind the IPv6 header; and behind a hop-by-hop header of 8 */

static int do_netdev_send(void *userdata, const void *bytes, size_t len)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	return (int)drill_adapter_leave(a, drill_host_hear(&a->host, bytes, len) ? 0 : -ENOBUFS);
}

/* What IPv6 says to its neighbours is nothing that a script speaks of. */
static bool is_housekeeping(const struct seen *s)
{
	if (s->len <= ICMP6_AT || s->bytes[0] >> 4 != 6)
		return false;
	if (s->bytes[6] == IPPROTO_HOPOPTS)
		return true;
	return s->bytes[6] == IPPROTO_ICMPV6 && s->bytes[ICMP6_AT] >= ICMP6_GROUPS &&
	       s->bytes[ICMP6_AT] <= ICMP6_NEIGHBOUR;
}

/* The next packet. Who waits for one that never comes would wait for ever, as packetdrill knows no time-out here. */
static struct seen *next_packet(struct adapter *a)
{
	pb_time limit = a->host.now + PACKET_WAIT;

	for (;;) {
		struct seen *s = drill_host_take(&a->host);
		if (s && !is_housekeeping(s))
			return s;
		free(s);
		if (!s && (a->host.broken || !drill_adapter_step(a, limit))) {
			fprintf(stderr, "packetboat: %s, at %.6f s of the clock\n",
				a->host.broken ? a->host.broken : "an expected packet was not sent",
				(double)a->host.now / 1e9);
			_exit(EXIT_NO_PACKET);
		}
	}
}

static int do_netdev_receive(void *userdata, void *bytes, size_t *len, long long *when)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	struct seen *s = next_packet(a);
	bool fits = s->len <= *len;
	if (fits) {
		memcpy(bytes, s->bytes, s->len);
		*len = s->len;
		*when = s->when / 1000;
	}
	free(s);
	return (int)drill_adapter_leave(a, fits ? 0 : -EMSGSIZE);
}

static int do_usleep(void *userdata, useconds_t microseconds)
{
	struct adapter *a = userdata;

	drill_adapter_lock(a);
	drill_adapter_pass_time(a, a->host.now + (pb_time)microseconds * 1000);
	drill_adapter_let_return(a);
	return (int)drill_adapter_leave(a, 0);
}

/* Who looks at the clock in a loop is to see it move: by a microsecond each time. */
static int do_gettimeofday(void *userdata, struct timeval *tv, struct timezone *tz)
{
	struct adapter *a = userdata;

	(void)tz;
	drill_adapter_lock(a);
	pb_time now = a->host.now;
	if (a->returned_to && pthread_equal(a->returned_to, pthread_self())) {
		now = a->returned_at;
		a->returned_to = 0;
	} else {
		drill_adapter_pass_time(a, now + 1000);
	}
	*tv = (struct timeval){ now / 1000000000, now % 1000000000 / 1000 };
	return (int)drill_adapter_leave(a, 0);
}

/* Beginning and end ------------------------------------------------------------------------------------------------ */

void drill_time_functions(struct packetdrill_interface *ifc)
{
	ifc->netdev_send = do_netdev_send;
	ifc->netdev_receive = do_netdev_receive;
	ifc->usleep = do_usleep;
	ifc->gettimeofday = do_gettimeofday;
}
