/* RFC 6724 §5: the source of what we send over IPv6, rule by rule. */
#include "net/harness.h"

#include "net/internet_state.h"
#include "net/source.h"

#include <errno.h>

static struct harness *with(const char *const *addresses)
{
	struct harness *h = harness_open_bare(1500, true, NULL);
	struct ip link_local = ip_of("fe80::1");

	assert_int_equal(pb_internet_add_address(h->net, h->iface, &link_local, 64, true), 0);
	for (; *addresses; addresses++) {
		struct ip a = ip_of(*addresses);
		assert_int_equal(pb_internet_add_address(h->net, h->iface, &a, 64, true), 0);
	}
	return h;
}

static void expect(struct harness *h, const char *dst, const char *want)
{
	struct ip to = ip_of(dst), wanted = ip_of(want), src;

	to = ip_in_zone(&to, h->iface->index);
	wanted = ip_in_zone(&wanted, h->iface->index);
	assert_int_equal(pb_source_choose(h->net, h->iface, &to, &to, &src), 0);
	assert_true(ip_equal(&src, &wanted));
}

/* Both orders of adding: the rule decides, not who is first. */
static void prefers(const char *better, const char *worse, const char *dst)
{
	struct harness *h = with((const char *[]){ better, worse, NULL });

	expect(h, dst, better);
	harness_close(h);
	h = with((const char *[]){ worse, better, NULL });
	expect(h, dst, better);
	harness_close(h);
}

/* Rule 2, and the examples of §10.1. */
static void appropriate_scope(void **state)
{
	struct harness *h = with((const char *[]){ "2001:db8:3::1", NULL });

	(void)state;
	expect(h, "2001:db8:1::1", "2001:db8:3::1");
	expect(h, "ff05::1", "2001:db8:3::1");
	expect(h, "fe80::2", "fe80::1");
	harness_close(h);
}

/* Rule 6: unique local to unique local, 6to4 to 6to4. */
static void matching_label(void **state)
{
	(void)state;
	prefers("fd00:1::1", "2001:db8:1::1", "fd00:2::1");
	prefers("2001:db8:1::1", "fd00:1::1", "2001:db8:ffff::1");
	prefers("2002:c633:6401::d5e3", "2001:db8:1::2", "2002:c633:6401::1");
}

/* Rule 8 */
static void longest_prefix(void **state)
{
	(void)state;
	prefers("2001:db8:1::2", "2001:db8:3::2", "2001:db8:1::1");
	prefers("2001:db8:3::2", "2001:db8:8000::2", "2001:db8:4::1");
}

static struct iface_address *entry_of(struct harness *h, const char *text)
{
	struct ip a = ip_of(text);

	return pb_iface_address(h->iface, &a);
}

/* Rule 3 goes before rule 8, and rule 7 too. */
static void deprecated_and_temporary(void **state)
{
	struct harness *h = with((const char *[]){ "2001:db8:1::2", "2001:db8:3::2", NULL });

	(void)state;
	expect(h, "2001:db8:1::1", "2001:db8:1::2");
	entry_of(h, "2001:db8:3::2")->origin = ADDRESS_TEMPORARY;
	expect(h, "2001:db8:1::1", "2001:db8:3::2");
	entry_of(h, "2001:db8:3::2")->preferred_until = env_now(&h->env);
	expect(h, "2001:db8:1::1", "2001:db8:1::2");
	harness_close(h);
}

static void tentative_is_none(void **state)
{
	struct harness *h = with((const char *[]){ "2001:db8:1::2", NULL });
	struct ip dst = ip_of("2001:db8:1::1"), src;

	(void)state;
	entry_of(h, "2001:db8:1::2")->state = ADDRESS_TENTATIVE;
	expect(h, "2001:db8:1::1", "fe80::1");
	h->iface->addresses[0]->state = ADDRESS_TENTATIVE;
	assert_int_equal(pb_source_choose(h->net, h->iface, &dst, &dst, &src), -EADDRNOTAVAIL);
	harness_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appropriate_scope), cmocka_unit_test(matching_label),
		cmocka_unit_test(longest_prefix),    cmocka_unit_test(deprecated_and_temporary),
		cmocka_unit_test(tentative_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
