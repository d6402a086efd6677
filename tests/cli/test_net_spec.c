/* What --net says: what is right is read, what is wrong is named. */
#include "cli/net_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void is_wrong(const char *text, const char *word)
{
	struct net_spec s;
	char error[256] = "";

	assert_false(net_spec_parse(&s, text, error, sizeof error));
	if (!strstr(error, word))
		fail_msg("%s: '%s' does not say '%s'", text, error, word);
}

static struct net_spec is_right(const char *text)
{
	struct net_spec s;
	char error[256] = "";

	if (!net_spec_parse(&s, text, error, sizeof error))
		fail_msg("%s: %s", text, error);
	return s;
}

static void assert_addr(const union pb_addr *a, const char *text)
{
	char buf[PB_ADDR_TEXT];

	assert_string_equal(pb_addr_host(a, buf), text);
}

static void host(void **state)
{
	(void)state;
	assert_int_equal(is_right("host").kind, NET_HOST);
	is_wrong("hots", "'hots'");
	is_wrong("", "''");
}

static void devices(void **state)
{
	struct net_spec s = is_right("tap:pb0,addr=10.9.0.2/24,addr=10.9.0.3/32,gateway=10.9.0.1,mtu=9000,"
				     "host=10.9.0.1/24");

	(void)state;
	assert_int_equal(s.kind, NET_TAP);
	assert_string_equal(s.name, "pb0");
	assert_int_equal(s.addr_count, 2);
	assert_addr(&s.addrs[0].addr, "10.9.0.2"); /* with its host bits: it is an address, not a prefix */
	assert_int_equal(s.addrs[0].bits, 24);
	assert_addr(&s.addrs[1].addr, "10.9.0.3");
	assert_int_equal(s.addrs[1].bits, 32);
	assert_addr(&s.gateway, "10.9.0.1");
	assert_addr(&s.host.addr, "10.9.0.1");
	assert_int_equal(s.mtu, 9000);
	assert_int_equal(s.server_count, 0);
	s = is_right("tap:a,addr=10.0.0.1/8,search=example.com,search=corp");
	assert_int_equal(s.domain_count, 2);
	assert_string_equal(s.domains[0], "example.com");
	assert_string_equal(s.domains[1], "corp");
	s = is_right("tun:t,addr=fd00::2/64,dns=10.9.0.1,dns=fd00::1");
	assert_int_equal(s.server_count, 2);
	assert_int_equal(s.domain_count, 0);
	assert_addr(&s.servers[0], "10.9.0.1");
	assert_addr(&s.servers[1], "fd00::1");
	assert_int_equal(s.kind, NET_TUN);
	assert_addr(&s.addrs[0].addr, "fd00::2");
	assert_int_equal(s.gateway.sa.sa_family, AF_UNSPEC);
	assert_int_equal(s.host.addr.sa.sa_family, AF_UNSPEC);
}

static void names(void **state)
{
	(void)state;
	is_right("tap:fifteen-letters,addr=10.0.0.1/8");
	is_wrong("tap:sixteen-letters-,addr=10.0.0.1/8", "'sixteen-letters-'");
	is_wrong("tap:,addr=10.0.0.1/8", "name of a device");
	is_wrong("tap:a b,addr=10.0.0.1/8", "'a b'");
	is_wrong("tap:../x,addr=10.0.0.1/8", "'../x'");
	is_wrong("tapx:a,addr=10.0.0.1/8", "'tapx:a'");
}

static void names_alone(void **state)
{
	static const char *const wrong[] = { "", "hots", "tap", "tap:", "tun:,addr=10.0.0.1/8", "tap:a b" };
	struct net_spec s;
	char error[256];

	(void)state;
	assert_true(net_spec_parse_name(&s, "host", error, sizeof error));
	assert_int_equal(s.kind, NET_HOST);
	assert_true(net_spec_parse_name(&s, "tap:pb0", error, sizeof error));
	assert_true(s.kind == NET_TAP && strcmp(s.name, "pb0") == 0);
	assert_true(net_spec_parse_name(&s, "tun:a,addr=nonsense", error, sizeof error));
	assert_true(s.kind == NET_TUN && strcmp(s.name, "a") == 0);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(net_spec_parse_name(&s, wrong[i], error, sizeof error));
}

static void values(void **state)
{
	(void)state;
	is_wrong("tap:a,addr=10.0.0.1", "addr=10.0.0.1 ");
	is_wrong("tap:a,addr=10.0.0.1/33", "addr=10.0.0.1/33");
	is_wrong("tap:a,addr=name/24", "addr=name/24");
	is_wrong("tap:a,addr=10.0.0.1/8,host=10.0.0.2", "host=10.0.0.2");
	is_wrong("tap:a,addr=10.0.0.1/8,gateway=x", "gateway=x");
	is_wrong("tap:a,addr=10.0.0.1/8,dns=", "dns= ");
	is_wrong("tap:a,addr=10.0.0.1/8,search=", "search= ");
	is_wrong("tap:a,addr=10.0.0.1/8,search=a b", "search=a b ");
	is_wrong("tap:a,addr=10.0.0.1/8,dns=10.0.0.2:53", "dns=10.0.0.2:53 ");
	is_wrong("tap:a,addr=10.0.0.1/8,dns=0.0.0.0", "dns=0.0.0.0 ");
	is_wrong("tap:a,addr=10.0.0.1/8,mtu=67", "mtu=67");
	is_wrong("tap:a,addr=10.0.0.1/8,mtu=65522", "mtu=65522");
	is_wrong("tap:a,addr=10.0.0.1/8,mtu=-1", "mtu=-1");
	is_wrong("tap:a,addr=10.0.0.1/8,mtu= 99", "mtu= 99");
	is_wrong("tap:a,addr=10.0.0.1/8,speed=9", "'speed'");
	is_wrong("tap:a,addr=10.0.0.1/8,ecn=1", "ecn=1 ");
	assert_int_equal(is_right("tap:a,addr=10.0.0.1/8").ecn, PB_ECN_WHEN_ASKED);
	assert_int_equal(is_right("tap:a,addr=10.0.0.1/8,ecn=when-asked").ecn, PB_ECN_WHEN_ASKED);
	assert_int_equal(is_right("tap:a,addr=10.0.0.1/8,ecn=off").ecn, PB_ECN_OFF);
	assert_int_equal(is_right("tap:a,addr=10.0.0.1/8,ecn=ask").ecn, PB_ECN_ASK);
	is_wrong("tap:a,addr=10.0.0.1/8,", "key=value");
}

static void too_many(void **state)
{
	char text[NET_SPEC_LEN_MAX * 2] = "tap:a";

	(void)state;
	for (int i = 0; i < NET_SPEC_ADDRS_MAX; i++)
		strcat(text, ",addr=10.0.0.1/8");
	assert_int_equal(is_right(text).addr_count, NET_SPEC_ADDRS_MAX);
	strcat(text, ",addr=10.0.0.1/8");
	is_wrong(text, "16 addresses");
	strcpy(text, "tap:a,addr=10.0.0.1/8");
	for (int i = 0; i < NET_SPEC_SERVERS_MAX; i++)
		strcat(text, ",dns=10.0.0.1");
	assert_int_equal(is_right(text).server_count, NET_SPEC_SERVERS_MAX);
	strcat(text, ",dns=10.0.0.1");
	is_wrong(text, "8 name servers");
	strcpy(text, "tap:a,addr=10.0.0.1/8");
	for (int i = 0; i < NET_SPEC_DOMAINS_MAX; i++)
		strcat(text, ",search=a");
	assert_int_equal(is_right(text).domain_count, NET_SPEC_DOMAINS_MAX);
	strcat(text, ",search=a");
	is_wrong(text, "8 search domains");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	is_wrong(text, "1024 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host),        cmocka_unit_test(devices), cmocka_unit_test(names),
		cmocka_unit_test(names_alone), cmocka_unit_test(values),  cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests_name("net_spec", tests, NULL, NULL);
}
