/* Who holds a port: this test does, on every address that stands in the way. */
#include "kernel/owner.h"

#include "skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

/* Other programs of the machine may use the same number. */
static bool held_by_us(int type, const union pb_addr *addr)
{
	struct owner o = { 0 };

	return owner_of_port(type, addr, &o) && o.pid == getpid() && o.name[0];
}

/* Bind a socket to held, then ask who stands in the way of wanted at the same port. */
static void conflict(int type, const char *held, const char *wanted, bool v6only, bool want)
{
	union pb_addr a, b;
	socklen_t len = sizeof a;
	int on = v6only;

	assert_true(pb_addr_parse(&a, held));
	assert_true(pb_addr_parse(&b, wanted));
	int fd = socket(a.sa.sa_family, type, 0);
	assert_true(fd >= 0);
	if (a.sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	assert_int_equal(bind(fd, &a.sa, pb_addr_len(&a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, &a.sa, &len);
	pb_addr_set_port(&b, pb_addr_port(&a));
	assert_int_equal(held_by_us(type, &b), want);
	assert_false(held_by_us(type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM, &b));
	close(fd);
	assert_false(held_by_us(type, &b));
}

static bool has_ipv6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool can = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;

	close(fd);
	return can;
}

static void ipv4(void **state)
{
	(void)state;
	conflict(SOCK_STREAM, "127.0.0.1", "127.0.0.1", false, true);
	conflict(SOCK_STREAM, "127.0.0.1", "127.0.0.2", false, false);
	conflict(SOCK_STREAM, "127.0.0.1", "0.0.0.0", false, true);
	conflict(SOCK_STREAM, "0.0.0.0", "127.0.0.1", false, true);
	conflict(SOCK_DGRAM, "127.0.0.1", "127.0.0.1", false, true);
	conflict(SOCK_DGRAM, "0.0.0.0", "127.0.0.1", false, true);
}

static void dual_stack(void **state)
{
	(void)state;
	if (!has_ipv6())
		SKIP("this machine has no ::1");
	conflict(SOCK_STREAM, "::", "127.0.0.1", false, true);
	conflict(SOCK_STREAM, "::", "127.0.0.1", true, false);
	conflict(SOCK_STREAM, "::", "::1", true, true);
	conflict(SOCK_STREAM, "::ffff:127.0.0.1", "127.0.0.1", false, true);
	conflict(SOCK_STREAM, "127.0.0.1", "::", false, true);
	conflict(SOCK_STREAM, "127.0.0.1", "::1", false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),
		cmocka_unit_test(dual_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
