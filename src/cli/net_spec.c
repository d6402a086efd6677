#include "cli/net_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTU_MIN 68    /* RFC 791 §3.2 */
#define MTU_MAX 65521 /* what the kernel's TUN devices take: tun.c, MAX_MTU less an Ethernet header */

static const char example[] = "tap:pb0,addr=10.9.0.2/24,host=10.9.0.1/24";

/* ADDRESS/BITS with its host bits: an address and the prefix that is on its link. */
static bool read_address(struct pb_prefix *p, const char *value)
{
	const char *slash = strchr(value, '/');
	char host[64];
	struct pb_prefix prefix;

	if (!slash || (size_t)(slash - value) >= sizeof host || !pb_prefix_parse(&prefix, value))
		return false;
	snprintf(host, sizeof host, "%.*s", (int)(slash - value), value);
	p->bits = prefix.bits;
	return pb_addr_parse(&p->addr, host);
}

static bool read_mtu(unsigned *mtu, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	*mtu = (unsigned)n;
	return value[0] >= '0' && value[0] <= '9' && *end == '\0' && n >= MTU_MIN && n <= MTU_MAX;
}

static bool read_addr(struct net_spec *s, const char *value, char *error, size_t size)
{
	if (s->addr_count == NET_SPEC_ADDRS_MAX)
		snprintf(error, size, "more than %d addresses", NET_SPEC_ADDRS_MAX);
	else if (read_address(&s->addrs[s->addr_count++], value))
		return true;
	else
		snprintf(error, size, "addr=%.64s is not ADDRESS/BITS; for example addr=10.9.0.2/24", value);
	return false;
}

static bool read_server(struct net_spec *s, const char *value, char *error, size_t size)
{
	if (s->server_count == NET_SPEC_SERVERS_MAX)
		snprintf(error, size, "more than %d name servers", NET_SPEC_SERVERS_MAX);
	else if (pb_addr_parse(&s->servers[s->server_count], value) &&
		 !pb_addr_is_any(&s->servers[s->server_count++]))
		return true;
	else
		snprintf(error, size, "dns=%.64s is not an address; for example dns=10.9.0.1", value);
	return false;
}

static bool read_domain(struct net_spec *s, const char *value, char *error, size_t size)
{
	if (s->domain_count == NET_SPEC_DOMAINS_MAX) {
		snprintf(error, size, "more than %d search domains", NET_SPEC_DOMAINS_MAX);
		return false;
	}
	if (!pb_domain_is_name(value)) {
		snprintf(error, size,
			 "search=%.64s is not the name of a domain; for example search=example.com", value);
		return false;
	}
	snprintf(s->domains[s->domain_count++], DOMAIN_TEXT, "%s", value);
	return true;
}

static bool read_ecn(enum pb_ecn *ecn, const char *value)
{
	static const char *const names[] = {
		[PB_ECN_WHEN_ASKED] = "when-asked",
		[PB_ECN_OFF] = "off",
		[PB_ECN_ASK] = "ask",
		[PB_ECN_ACCURATE] = "accurate",
		[PB_ECN_ACCURATE_WHEN_ASKED] = "accurate-when-asked",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], value) == 0) {
			*ecn = (enum pb_ecn)i;
			return true;
		}
	return false;
}

static bool read_pair(struct net_spec *s, const char *key, const char *value, char *error, size_t size)
{
	if (strcmp(key, "addr") == 0) {
		return read_addr(s, value, error, size);
	} else if (strcmp(key, "dns") == 0) {
		return read_server(s, value, error, size);
	} else if (strcmp(key, "search") == 0) {
		return read_domain(s, value, error, size);
	} else if (strcmp(key, "host") == 0) {
		if (read_address(&s->host, value))
			return true;
		snprintf(error, size, "host=%.64s is not ADDRESS/BITS; for example host=10.9.0.1/24", value);
	} else if (strcmp(key, "gateway") == 0) {
		if (pb_addr_parse(&s->gateway, value))
			return true;
		snprintf(error, size, "gateway=%.64s is not an address; for example gateway=10.9.0.1", value);
	} else if (strcmp(key, "mtu") == 0) {
		if (read_mtu(&s->mtu, value))
			return true;
		snprintf(error, size, "mtu=%.64s is not a number from %d to %d", value, MTU_MIN, MTU_MAX);
	} else if (strcmp(key, "ecn") == 0) {
		if (read_ecn(&s->ecn, value))
			return true;
		snprintf(error, size,
			 "ecn=%.64s is not off, when-asked, ask, accurate or accurate-when-asked", value);
	} else {
		snprintf(
			error, size,
			"there is no '%.64s'; there are addr, auto, dns, ecn, gateway, host, mtu and search; "
			"for "
			"example "
			"%s",
			key, example);
	}
	return false;
}

static bool read_device(struct net_spec *s, const char *item, char *error, size_t size)
{
	const char *name = item + 4;

	if (strncmp(item, "tap:", 4) != 0 && strncmp(item, "tun:", 4) != 0) {
		snprintf(error, size,
			 "there is no network '%.64s'; there are host, tap:NAME and tun:NAME; for example %s",
			 item, example);
		return false;
	}
	s->kind = item[1] == 'a' ? NET_TAP : NET_TUN;
	if (*name == '\0' || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/ \t\n:%")) {
		snprintf(error, size, "'%.64s' is not the name of a device: 1 to %d characters, as in %s",
			 name, IF_NAMESIZE - 1, example);
		return false;
	}
	snprintf(s->name, sizeof s->name, "%s", name);
	return true;
}

static bool read_items(struct net_spec *s, char *text, char *error, size_t size)
{
	char *rest = text, *item = strsep(&rest, ",");

	if (!read_device(s, item, error, size))
		return false;
	while ((item = strsep(&rest, ","))) {
		char *value = item, *key = strsep(&value, "=");
		if (!value && strcmp(key, "auto") == 0) {
			s->automatic = true;
			continue;
		}
		if (!value) {
			snprintf(error, size, "'%.64s' is not key=value; for example addr=10.9.0.2/24", key);
			return false;
		}
		if (!read_pair(s, key, value, error, size))
			return false;
	}
	if (s->automatic && s->kind != NET_TAP) {
		snprintf(error, size, "auto asks on an Ethernet, and tun:%s is none; use tap:%s,auto",
			 s->name, s->name);
		return false;
	}
	if (s->addr_count || s->automatic)
		return true;
	snprintf(error, size, "no address for the stack; for example %s", example);
	return false;
}

bool net_spec_parse(struct net_spec *s, const char *text, char *error, size_t size)
{
	char copy[NET_SPEC_LEN_MAX + 1];

	*s = (struct net_spec){ .kind = NET_HOST };
	if (strcmp(text, "host") == 0)
		return true;
	if (strlen(text) > NET_SPEC_LEN_MAX) {
		snprintf(error, size, "more than %d bytes", NET_SPEC_LEN_MAX);
		return false;
	}
	snprintf(copy, sizeof copy, "%s", text);
	return read_items(s, copy, error, size);
}

bool net_spec_parse_name(struct net_spec *s, const char *text, char *error, size_t size)
{
	char name[NET_SPEC_LEN_MAX + 1];

	snprintf(name, sizeof name, "%.*s", (int)strcspn(text, ","), text);
	*s = (struct net_spec){ .kind = NET_HOST };
	return strcmp(name, "host") == 0 || read_device(s, name, error, size);
}
