#include "net/interface_id.h"

#include "net/internet_state.h"

/*
 * RFC 5453 §3, IANA's "Reserved IPv6 Interface Identifiers": the subnet routers' anycast, and
 * fdff:ffff:ffff:ff80 up.
 */
static bool is_reserved(const uint8_t id[8])
{
	static const uint8_t zero[8], anycast[7] = { 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return memcmp(id, zero, 8) == 0 || (memcmp(id, anycast, 7) == 0 && id[7] >= 0x80);
}

static struct ip with_id(const struct iface *i, const struct ip *prefix, uint64_t id)
{
	struct ip a = *prefix;

	memcpy(a.bytes + 8, &id, 8);
	return ip_in_zone(&a, i->index);
}

/* RFC 7217 §5: F(Prefix, Net_Iface, DAD_Counter, secret_key), with SipHash-2-4 as F; there is no Network_ID. */
struct ip pb_interface_id_stable(const struct iface *i, const struct ip *prefix, uint8_t attempt)
{
	uint8_t key[8 + IFACE_NAME_MAX + PB_MAC_LEN + 2] = { 0 };
	struct ip a;

	memcpy(key, prefix->bytes, 8);
	memcpy(key + 8, i->name, IFACE_NAME_MAX);
	memcpy(key + 8 + IFACE_NAME_MAX, i->device->mac, PB_MAC_LEN);
	key[sizeof key - 2] = attempt;
	do {
		a = with_id(i, prefix, pb_siphash(&i->net->stable_secret, key, sizeof key));
	} while (is_reserved(a.bytes + 8) && ++key[sizeof key - 1]);
	return a;
}

struct ip pb_interface_id_random(const struct iface *i, const struct ip *prefix)
{
	struct ip a;

	do {
		a = with_id(i, prefix, pb_rng_next(&i->env->rng));
	} while (is_reserved(a.bytes + 8));
	return a;
}
