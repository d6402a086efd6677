#include "net/icmp.h"

#include "net/icmp4.h"
#include "net/icmp6.h"
#include "net/internet_state.h"
#include "wire/icmp6.h"
#include "wire/icmp_error.h"
#include "wire/ip6.h"

#define ERRORS_AT_ONCE        50        /* Linux's icmp_msgs_burst */
#define ERRORS_TO_ONE         PB_SEC(1) /* Linux's icmp_ratelimit */
#define ERRORS_TO_ONE_AT_ONCE 6         /* Linux's XRLIM_BURST_FACTOR */

bool pb_icmp_admit(struct internet *net, const struct iface *i, const struct ip *to)
{
	size_t account = pb_siphash13(&net->key, to->bytes, sizeof to->bytes) % ERROR_ACCOUNTS;
	pb_time now = env_now(net->env);

	if (i->loopback)
		return true;
	if (bucket_take(&net->errors_to[account], now, ERRORS_TO_ONE, ERRORS_TO_ONE_AT_ONCE) &&
	    bucket_take(&net->errors, now, PB_SEC(1) / net->limits.errors_per_second, ERRORS_AT_ONCE))
		return true;
	net->env->counters.icmp.OutRateLimited++;
	return false;
}

void pb_icmp_tell_ourselves(struct internet *net, struct pb_buf *b)
{
	if (b->data[0] >> 4 == 4)
		pb_icmp4_tell_ourselves(net, b);
	else
		pb_icmp6_tell_ourselves(net, b);
}

void pb_icmp_port_unreachable(struct internet *net, const struct ip_packet *p)
{
	if (ip_is4(&p->dst))
		pb_icmp4_unreachable(net, p, ICMP4_PORT);
	else
		pb_icmp6_tell(net, p, &(struct icmp6_error){ .type = ICMP6_UNREACHABLE, .code = ICMP6_PORT });
}

/* IPv6 calls it a next header that is not known (RFC 8200 §4), and points to the field that says so. */
void pb_icmp_protocol_unreachable(struct internet *net, const struct ip_packet *p)
{
	struct ip6_chain chain;

	if (ip_is4(&p->dst))
		pb_icmp4_unreachable(net, p, ICMP4_PROTOCOL);
	else if (pb_ip6_walk(&chain, p->header, p->header_len) == IP6_IS_WELL)
		pb_icmp6_tell(net, p,
			      &(struct icmp6_error){ .type = ICMP6_PARAMETER_PROBLEM,
						     .code = ICMP6_UNKNOWN_HEADER,
						     .value = chain.protocol_at });
}
