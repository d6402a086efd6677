#include "net/dad.h"

#include "net/autoconf.h"
#include "net/group.h"
#include "net/internet_state.h"
#include "net/nd.h"
#include "wire/nd.h"

#define TRANSMITS 1         /* RFC 4862 §5.1, DupAddrDetectTransmits */
#define DELAY_MAX PB_SEC(1) /* RFC 4861 §10, MAX_RTR_SOLICITATION_DELAY, as RFC 4862 §5.4.2 has it */

_Static_assert(sizeof(((struct iface_address *)0)->nonce) == ND_NONCE_LEN, "a nonce is kept whole");

static void set_timer(struct iface_address *a, pb_time in)
{
	struct env *env = a->iface->env;

	pb_timers_set(&env->timers, &a->timer, env_now(env) + in);
}

static void timer_fired(struct pb_timer *t)
{
	struct iface_address *a = container_of(t, struct iface_address, timer);

	if (a->probes < TRANSMITS) {
		a->probes++;
		pb_nd_probe(a->iface, &a->ip, a->nonce);
		set_timer(a, a->iface->retrans_timer); /* RFC 4862 §5.4: RetransTimer after the last one */
		return;
	}
	a->state = ADDRESS_READY;
	internet_changed(a->iface->net);
	if (ip_is_link_local(&a->ip))
		pb_groups_named(a->iface);
}

void pb_dad_start(struct iface_address *a)
{
	struct env *env = a->iface->env;
	uint64_t chance = pb_rng_next(&env->rng);

	memcpy(a->nonce, &chance, sizeof a->nonce);
	a->timer.fn = timer_fired;
	a->probes = 0;
	set_timer(a, (pb_time)pb_rng_below(&env->rng, (uint64_t)DELAY_MAX + 1));
}

void pb_dad_stop(struct iface_address *a)
{
	pb_timers_stop(&a->iface->env->timers, &a->timer);
}

static void give_up(struct iface_address *a)
{
	a->iface->env->counters.arp.Conflicts++;
	if (a->state != ADDRESS_TENTATIVE)
		return; /* RFC 4862 §5.4.4 leaves it to us: whoever forged it would else take our address away */
	a->state = ADDRESS_DUPLICATE;
	pb_dad_stop(a);
	pb_autoconf_duplicate(a);
}

void pb_dad_heard_probe(struct iface_address *a, const uint8_t *nonce)
{
	if (nonce && memcmp(nonce, a->nonce, sizeof a->nonce) == 0)
		return; /* RFC 7527 §4.3: it is our own, that came back */
	give_up(a);
}

void pb_dad_heard_owner(struct iface_address *a)
{
	give_up(a);
}
