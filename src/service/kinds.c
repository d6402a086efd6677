/* The kinds of services there are, in the order in which people are told of them. */
#include "service/service.h"

#include <string.h>

extern const struct service_kind service_chargen, service_daytime, service_discard, service_echo,
	service_http, service_relay, service_time;

const struct service_kind *const service_kinds[] = {
	&service_echo, &service_discard, &service_chargen, &service_daytime,
	&service_time, &service_http,    &service_relay,   NULL,
};

const struct service_kind *service_kind_find(const char *name)
{
	for (size_t i = 0; service_kinds[i]; i++)
		if (strcmp(service_kinds[i]->name, name) == 0)
			return service_kinds[i];
	return NULL;
}
