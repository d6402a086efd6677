/*
 * Who is asked for names, and in which domains short names are looked for: what was given counts alone; else what was
 * leased comes before what routers advertise (RFC 8106 §5.3.1).
 */
#include "net/internet_state.h"
#include "socket/stack.h"

#define SERVERS_MAX 32 /* told of at a time */
#define DNS_PORT    53

static enum names_word word_of(enum pb_stack_word word)
{
	return word == PB_GIVEN ? NAMES_GIVEN : NAMES_LEASED;
}

static bool read_server(struct ip *ip, const struct sockaddr *sa)
{
	uint16_t port;
	socklen_t len = sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	return pb_ip_from_sockaddr(ip, &port, sa, len);
}

int pb_stack_add_name_server(struct pb_stack *s, const struct sockaddr *addr, enum pb_stack_word word)
{
	struct ip ip;

	return read_server(&ip, addr) ? pb_names_add_server(&s->internet->names, &ip, word_of(word))
				      : -EAFNOSUPPORT;
}

int pb_stack_remove_name_server(struct pb_stack *s, const struct sockaddr *addr, enum pb_stack_word word)
{
	struct ip ip;

	return read_server(&ip, addr) ? pb_names_remove_server(&s->internet->names, &ip, word_of(word))
				      : -EAFNOSUPPORT;
}

int pb_stack_add_search_domain(struct pb_stack *s, const char *domain, enum pb_stack_word word)
{
	return pb_names_add_domain(&s->internet->names, domain, word_of(word));
}

int pb_stack_remove_search_domain(struct pb_stack *s, const char *domain, enum pb_stack_word word)
{
	return pb_names_remove_domain(&s->internet->names, domain, word_of(word));
}

/* Those of a word. How many. */
static size_t servers_of(const struct names *n, enum names_word word, struct ip servers[NAMES_MAX])
{
	size_t count = 0;

	for (unsigned i = 0; i < n->server_count; i++)
		if (n->servers[i].word == word)
			servers[count++] = n->servers[i].ip;
	return count;
}

void pb_stack_each_name_server(struct pb_stack *s, void (*fn)(const struct sockaddr *addr, void *context),
			       void *context)
{
	const struct names *names = &s->internet->names;
	struct ip servers[SERVERS_MAX];
	size_t count = servers_of(names, NAMES_GIVEN, servers);

	if (!count) {
		count = servers_of(names, NAMES_LEASED, servers);
		count += pb_internet_name_servers(s->internet, servers + count, SERVERS_MAX - count);
	}
	for (size_t n = 0; n < count; n++) {
		union pb_addr addr;
		pb_ip_to_sockaddr(&addr, &servers[n], DNS_PORT, ip_family(&servers[n]));
		fn(&addr.sa, context);
	}
}

/* Whether there were any. */
static bool tell_domains(const struct names *n, enum names_word word,
			 void (*fn)(const char *domain, void *context), void *context)
{
	bool any = false;

	for (unsigned i = 0; i < n->domain_count; i++)
		if (n->domains[i].word == word) {
			any = true;
			fn(n->domains[i].text, context);
		}
	return any;
}

void pb_stack_each_search_domain(struct pb_stack *s, void (*fn)(const char *domain, void *context),
				 void *context)
{
	const struct names *names = &s->internet->names;
	const char *domain;

	if (tell_domains(names, NAMES_GIVEN, fn, context))
		return;
	tell_domains(names, NAMES_LEASED, fn, context);
	for (size_t n = 0; (domain = pb_internet_search_domain(s->internet, n)); n++)
		fn(domain, context);
}

bool pb_stack_advises_dhcp6(struct pb_stack *s, unsigned index)
{
	const struct iface *i = pb_internet_iface(s->internet, index);

	return i && pb_internet_advises_dhcp6(i);
}
