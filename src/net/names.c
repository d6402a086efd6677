#include "net/names.h"

#include <errno.h>
#include <strings.h>

static struct names_server *find_server(struct names *n, const struct ip *ip, enum names_word word)
{
	for (unsigned i = 0; i < n->server_count; i++)
		if (ip_equal(&n->servers[i].ip, ip) && n->servers[i].word == word)
			return &n->servers[i];
	return NULL;
}

static struct names_domain *find_domain(struct names *n, const char *domain, enum names_word word)
{
	for (unsigned i = 0; i < n->domain_count; i++)
		if (strcasecmp(n->domains[i].text, domain) == 0 && n->domains[i].word == word)
			return &n->domains[i];
	return NULL;
}

int pb_names_add_server(struct names *n, const struct ip *ip, enum names_word word)
{
	if (ip_is_any(ip) || ip_is_multicast(ip) || ip_is_limited_broadcast(ip))
		return -EINVAL;
	if (find_server(n, ip, word))
		return -EEXIST;
	if (n->server_count == NAMES_MAX)
		return -ENOSPC;
	n->servers[n->server_count++] = (struct names_server){ .ip = *ip, .word = word };
	return 0;
}

int pb_names_add_domain(struct names *n, const char *domain, enum names_word word)
{
	if (!pb_domain_is_name(domain))
		return -EINVAL;
	if (find_domain(n, domain, word))
		return -EEXIST;
	if (n->domain_count == NAMES_MAX)
		return -ENOSPC;
	struct names_domain *d = &n->domains[n->domain_count++];
	d->word = word;
	memcpy(d->text, domain, strlen(domain) + 1); /* it is one: there is room */
	return 0;
}

/* The order stays: the first is asked first. */
int pb_names_remove_server(struct names *n, const struct ip *ip, enum names_word word)
{
	struct names_server *s = find_server(n, ip, word);

	if (!s)
		return -ENOENT;
	n->server_count--;
	memmove(s, s + 1, (size_t)(n->servers + n->server_count - s) * sizeof *s);
	return 0;
}

int pb_names_remove_domain(struct names *n, const char *domain, enum names_word word)
{
	struct names_domain *d = find_domain(n, domain, word);

	if (!d)
		return -ENOENT;
	n->domain_count--;
	memmove(d, d + 1, (size_t)(n->domains + n->domain_count - d) * sizeof *d);
	return 0;
}
