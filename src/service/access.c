#include "service/access.h"

#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96 /* in front of the IPv4 address: RFC 4291 2.5.5.2 */

struct rule {
	struct pb_prefix prefix;
	bool allow;
};

struct access {
	bool otherwise; /* for callers in no prefix */
	size_t count;   /* at most SPEC_VALUES_MAX: a walk over all of them is cheaper than anything clever */
	struct rule rules[];
};

/* Longest first, so that the first match decides; deny before allow. */
static int by_length(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;

	if (x->prefix.bits != y->prefix.bits)
		return x->prefix.bits > y->prefix.bits ? -1 : 1;
	return (int)x->allow - (int)y->allow;
}

/* Callers are judged under their IPv4 address, so a prefix of mapped addresses must be an IPv4 prefix, too. */
static bool parse_prefix(struct pb_prefix *p, const char *text)
{
	if (!pb_prefix_parse(p, text))
		return false;
	if (p->bits >= MAPPED_BITS) {
		pb_addr_unmap(&p->addr);
		if (p->addr.sa.sa_family == AF_INET)
			p->bits -= MAPPED_BITS;
	}
	return true;
}

struct access *access_new(const struct spec *spec, struct spec_error *error, bool *ok)
{
	struct access *a = malloc(sizeof *a + spec->count * sizeof a->rules[0]);

	*ok = a || spec_fail(error, "out of memory");
	if (!a)
		return NULL;
	a->otherwise = true;
	a->count = 0;
	for (size_t i = 0; i < spec->count && *ok; i++) {
		const struct spec_value *v = &spec->values[i];
		bool allow = strcmp(v->key, "allow") == 0;
		if (!allow && strcmp(v->key, "deny") != 0)
			continue;
		*ok = parse_prefix(&a->rules[a->count].prefix, v->value) ||
		      spec_fail(error,
				"%s=%s: not an address prefix; for example 10.0.0.0/8 or 2001:db8::/32",
				v->key, v->value);
		a->rules[a->count++].allow = allow;
		a->otherwise = a->otherwise && !allow;
	}
	if (*ok && a->count) {
		qsort(a->rules, a->count, sizeof a->rules[0], by_length);
		return a;
	}
	free(a);
	return NULL;
}

void access_free(struct access *a)
{
	free(a);
}

bool access_allows(const struct access *a, const union pb_addr *caller)
{
	union pb_addr who = *caller;

	if (!a)
		return true;
	pb_addr_unmap(&who);
	for (size_t i = 0; i < a->count; i++)
		if (pb_prefix_has(&a->rules[i].prefix, &who))
			return a->rules[i].allow;
	return a->otherwise;
}
