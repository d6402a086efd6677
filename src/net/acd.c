#include "net/acd.h"

#include "net/arp.h"
#include "net/internet_state.h"
#include "wire/arp.h"

/* RFC 5227 §1.1 */
#define PROBE_WAIT        PB_SEC(1)
#define PROBE_NUM         3
#define PROBE_MIN         PB_SEC(1)
#define PROBE_MAX         PB_SEC(2)
#define ANNOUNCE_WAIT     PB_SEC(2)
#define ANNOUNCE_NUM      2
#define ANNOUNCE_INTERVAL PB_SEC(2)
#define DEFEND_INTERVAL   PB_SEC(10)

static void set_timer(struct iface_address *a, pb_time in)
{
	struct env *env = a->iface->env;

	pb_timers_set(&env->timers, &a->timer, env_now(env) + in);
}

static pb_time random_time(struct env *env, pb_time from, pb_time to)
{
	return from + (pb_time)pb_rng_below(&env->rng, (uint64_t)(to - from) + 1);
}

/* RFC 5227 §2.1.1: three probes one or two seconds apart, and two seconds of waiting. */
static void probe(struct iface_address *a)
{
	struct ip nobody = ip_from4((const uint8_t[4]){ 0 });

	pb_arp_ask(a->iface, &nobody, &a->ip);
	a->probes++;
	set_timer(a,
		  a->probes < PROBE_NUM ? random_time(a->iface->env, PROBE_MIN, PROBE_MAX) : ANNOUNCE_WAIT);
}

/* RFC 5227 §2.3 */
static void announce(struct iface_address *a)
{
	pb_arp_ask(a->iface, &a->ip, &a->ip);
	a->probes++;
	if (a->probes < PROBE_NUM + ANNOUNCE_NUM)
		set_timer(a, ANNOUNCE_INTERVAL);
}

static void timer_fired(struct pb_timer *t)
{
	struct iface_address *a = container_of(t, struct iface_address, timer);

	if (a->probes < PROBE_NUM) {
		probe(a);
		return;
	}
	if (a->state == ADDRESS_TENTATIVE) {
		a->state = ADDRESS_READY;
		internet_changed(a->iface->net);
	}
	announce(a);
}

void pb_acd_start(struct iface_address *a)
{
	a->timer.fn = timer_fired;
	a->probes = 0;
	set_timer(a, random_time(a->iface->env, 0, PROBE_WAIT));
}

void pb_acd_stop(struct iface_address *a)
{
	pb_timers_stop(&a->iface->env->timers, &a->timer);
}

/*
 * RFC 5227 §2.4 (c): an address in use is kept, as that of a server has to be, and claimed at most once in
 * ten seconds. (By (a) or (b) a forged packet or two would take it away.)
 */
static void defend(struct iface_address *a)
{
	pb_time now = env_now(a->iface->env);

	if (a->defended != PB_NEVER && now - a->defended < DEFEND_INTERVAL)
		return;
	a->defended = now;
	pb_arp_ask(a->iface, &a->ip, &a->ip);
}

/* RFC 5227 §2.1.1: another probes for the same address. */
static bool is_rival_probe(const struct arp_packet *p, const struct iface_address *a)
{
	return a && a->state == ADDRESS_TENTATIVE && p->operation == ARP_REQUEST && ip_is_any(&p->sender);
}

bool pb_acd_input(struct iface *i, const struct arp_packet *p)
{
	struct iface_address *a = pb_iface_address(i, &p->sender);
	struct iface_address *wanted = pb_iface_address(i, &p->target);

	if (!a && is_rival_probe(p, wanted))
		a = wanted;
	if (!a)
		return false;
	i->env->counters.arp.Conflicts++;
	if (a->state == ADDRESS_READY) {
		defend(a);
	} else {
		a->state = ADDRESS_DUPLICATE;
		pb_acd_stop(a);
	}
	return true;
}
