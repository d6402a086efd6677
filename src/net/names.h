/*
 * What a stack was told of names: which servers are to be asked, and in which domains a short name is looked for.
 * Nobody below the clients asks; it is kept here for them. What routers tell of it is autoconf.c's.
 */
#ifndef PB_NET_NAMES_H
#define PB_NET_NAMES_H

#include "base/ip.h"
#include "wire/domain.h"

#include <stddef.h>

#define NAMES_MAX 8 /* of servers, and of domains */

/* Whose word it is. */
enum names_word { NAMES_GIVEN, NAMES_LEASED };

struct names {
	struct names_server {
		struct ip ip;
		enum names_word word;
	} servers[NAMES_MAX];
	struct names_domain {
		char text[DOMAIN_TEXT];
		enum names_word word;
	} domains[NAMES_MAX];
	unsigned server_count, domain_count;
};

/* 0; -EEXIST; -ENOSPC; -EINVAL: nobody can be asked there, or it is no name of a domain. */
int pb_names_add_server(struct names *n, const struct ip *ip, enum names_word word);
int pb_names_add_domain(struct names *n, const char *domain, enum names_word word);

/* 0 or -ENOENT. */
int pb_names_remove_server(struct names *n, const struct ip *ip, enum names_word word);
int pb_names_remove_domain(struct names *n, const char *domain, enum names_word word);

#endif
