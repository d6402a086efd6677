/* RFC 6724 §6: the order of a name's addresses, rule by rule, on a stack that has the sources the rule needs. */
#include "client/address_order.h"

#include <packetboat/stack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static union pb_addr address(const char *text)
{
	union pb_addr a;

	assert_true(pb_addr_parse(&a, text));
	return a;
}

/* A stack with those addresses, and a way everywhere in both families. */
static struct pb_stack *stack_with(const char *const *addresses)
{
	struct pb_stack_options options = { .seed = "order" };
	union pb_addr all4 = pb_addr_any(AF_INET), all6 = pb_addr_any(AF_INET6);
	struct pb_device *end[2];
	struct pb_stack *stack;

	assert_int_equal(pb_stack_new(&options, &stack), 0);
	assert_int_equal(pb_device_pair(1500, false, 16, end), 0);
	pb_device_close(end[1]);
	assert_int_equal(pb_stack_attach(stack, end[0], "line"), 2);
	for (; *addresses; addresses++) {
		union pb_addr a = address(*addresses);
		unsigned bits = a.sa.sa_family == AF_INET ? 24 : 64;
		assert_int_equal(pb_stack_add_address(stack, 2, &a.sa, bits, PB_USE_AT_ONCE), 0);
	}
	pb_stack_add_route(stack, &all4.sa, 0, NULL, 2);
	pb_stack_add_route(stack, &all6.sa, 0, NULL, 2);
	return stack;
}

/* Both orders of the server's: the rule decides. */
static void prefers(const char *better, const char *worse, const char *const *sources)
{
	struct pb_stack *stack = stack_with(sources);
	union pb_addr wanted[2] = { address(better), address(worse) };
	union pb_addr straight[2] = { wanted[0], wanted[1] }, crossed[2] = { wanted[1], wanted[0] };

	address_order(pb_stack_net(stack), straight, 2);
	address_order(pb_stack_net(stack), crossed, 2);
	for (int i = 0; i < 2; i++)
		if (!pb_addr_equal(&straight[i], &wanted[i]) || !pb_addr_equal(&crossed[i], &wanted[i]))
			fail_msg("%s is not preferred to %s", better, worse);
	pb_net_close(pb_stack_net(stack));
}

static void unusable_ones_last(void **state)
{
	(void)state;
	prefers("192.0.2.1", "2001:db8::1", (const char *const[]){ "10.0.0.2", NULL });
	prefers("2001:db8::1", "192.0.2.1", (const char *const[]){ "2001:db8:1::2", NULL });
}

static void matching_scope(void **state)
{
	(void)state; /* RFC 6724 §10.2: a link-local IPv4 source does not match a global destination */
	prefers("2001:db8::1", "192.0.2.1", (const char *const[]){ "2001:db8:1::2", "169.254.0.2", NULL });
	prefers("192.0.2.1", "2001:db8::1", (const char *const[]){ "10.0.0.2", "fe80::2", NULL });
}

static void matching_label(void **state)
{
	(void)state; /* from a unique local address only: IPv4's labels match, so it goes first */
	prefers("192.0.2.1", "2001:db8::1", (const char *const[]){ "10.0.0.2", "fd00::2", NULL });
}

static void higher_precedence(void **state)
{
	static const char *const both[] = { "10.0.0.2", "2001:db8:1::2", NULL };

	(void)state;
	prefers("2001:db8::1", "192.0.2.1", both);
	prefers("2001:db8::1", "fd00::1", (const char *const[]){ "2001:db8:1::2", "fd00::2", NULL });
}

static void longest_prefix(void **state)
{
	static const char *const one[] = { "2001:db8:1::2", NULL };

	(void)state;
	prefers("2001:db8:1::1", "2001:db8:8000::1", one);
}

/* Rule 10; and rule 9 does not hold for IPv4, where servers turn the order on purpose. */
static void equals_stay(void **state)
{
	static const char *const addresses[] = { "192.0.2.1", "10.0.0.9", "198.51.100.1" };
	struct pb_stack *stack = stack_with((const char *const[]){ "10.0.0.2", NULL });
	union pb_addr list[3], was[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		list[i] = was[i] = address(addresses[i]);
	address_order(pb_stack_net(stack), list, 3);
	assert_memory_equal(list, was, sizeof list);
	pb_net_close(pb_stack_net(stack));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unusable_ones_last), cmocka_unit_test(matching_scope),
		cmocka_unit_test(matching_label),     cmocka_unit_test(higher_precedence),
		cmocka_unit_test(longest_prefix),     cmocka_unit_test(equals_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
