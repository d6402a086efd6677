/* What --net says: whatever is written, it is read or refused with a reason. */
#include "cli/net_spec.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct net_spec *s)
{
	if (s->kind == NET_HOST)
		return;
	assert(s->name[0] && memchr(s->name, '\0', sizeof s->name));
	assert(s->mtu == 0 || (s->mtu >= 68 && s->mtu <= 65521));
	for (size_t i = 0; i < s->addr_count; i++)
		assert(s->addrs[i].addr.sa.sa_family && s->addrs[i].bits <= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[NET_SPEC_LEN_MAX + 2], error[256] = "";
	size_t n = size < sizeof text - 1 ? size : sizeof text - 1;
	struct net_spec s;

	memcpy(text, data, n);
	text[n] = '\0';
	if (net_spec_parse(&s, text, error, sizeof error))
		check(&s);
	else
		assert(error[0] && memchr(error, '\0', sizeof error));
	return 0;
}
