/* Addresses of either family as one type: what they are, which prefix they are in, and the sockets' forms. */
#include "base/ip.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip ip(const char *text)
{
	struct ip a;

	assert_true(pb_ip_parse(&a, text));
	return a;
}

static void kinds(void **state)
{
	/* 4: IPv4; a: any; m: multicast; b: limited broadcast; l: loopback */
	static const struct {
		const char *text, *kinds;
	} table[] = {
		{"0.0.0.0",				  "4a"},
		{ "::",				      "a" },
		{ "192.0.2.1",			       "4" },
		{ "127.0.0.1",			       "4l"},
		{ "127.255.255.254",                         "4l"},
		{ "128.0.0.1",			       "4" },
		{ "::1",				     "l" },
		{ "::2",				     ""  },
		{ "223.255.255.255",                         "4" },
		{ "224.0.0.1",			       "4m"},
		{ "239.255.255.255",                         "4m"},
		{ "240.0.0.1",			       "4" },
		{ "255.255.255.255",                         "4b"},
		{ "ff02::1",				 "m" },
		{ "fe80::1",				 ""  },
		{ "::fffe:0.0.0.0",                          ""  },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "m" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct ip a = ip(table[i].text);
		const char *kinds = table[i].kinds;
		assert_int_equal(ip_is4(&a), strchr(kinds, '4') != NULL);
		assert_int_equal(ip_is_any(&a), strchr(kinds, 'a') != NULL);
		assert_int_equal(ip_is_multicast(&a), strchr(kinds, 'm') != NULL);
		assert_int_equal(ip_is_limited_broadcast(&a), strchr(kinds, 'b') != NULL);
		assert_int_equal(ip_is_loopback(&a), strchr(kinds, 'l') != NULL);
		assert_int_equal(ip_family(&a), ip_is4(&a) ? AF_INET : AF_INET6);
		assert_int_equal(ip_bits(&a), ip_is4(&a) ? 32 : 128);
	}
}

static void texts(void **state)
{
	static const char *const same[] = { "0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "255.255.255.255" };
	static const char *const none[] = {
		"", "1.2.3", "1.2.3.4.5", "256.1.1.1", ":::", "g::", "1.2.3.4/8"
	};
	char text[PB_ADDR_TEXT];
	struct ip a;

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		a = ip(same[i]);
		assert_string_equal(pb_ip_text(&a, text), same[i]);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(pb_ip_parse(&a, none[i]));
	a = ip("::ffff:192.0.2.1"); /* the same as the IPv4 address */
	assert_string_equal(pb_ip_text(&a, text), "192.0.2.1");
}

/* Whether the first bits agree, one at a time. */
static bool naive_in_prefix(const struct ip *a, const struct ip *prefix, unsigned bits)
{
	for (unsigned i = 128 - ip_bits(a); i < 128 - ip_bits(a) + bits; i++)
		if ((a->bytes[i / 8] ^ prefix->bytes[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static void prefixes(void **state)
{
	struct random r = { 1 };

	(void)state;
	for (int n = 0; n < 20000; n++) {
		struct ip p = {
			.word = {random_next(&r), random_next(&r)}
		};
		if (n & 1)
			p = ip_from4(p.bytes);
		else
			p.bytes[0] = 0x20;
		struct ip a = p, wide = p;
		unsigned width = ip_bits(&p), bits = (unsigned)random_below(&r, width + 1);
		unsigned turned = 128 - width + (unsigned)random_below(&r, width); /* one bit is another */
		a.bytes[turned / 8] ^= (uint8_t)(0x80 >> turned % 8);
		assert_int_equal(pb_ip_in_prefix(&a, &p, bits), naive_in_prefix(&a, &p, bits));
		assert_true(pb_ip_in_prefix(&p, &p, bits));
		wide = pb_ip_last_of(&p, bits);
		assert_true(naive_in_prefix(&wide, &p, bits));
		for (unsigned i = 128 - width + bits; i < 128; i++)
			assert_true(wide.bytes[i / 8] >> (7 - i % 8) & 1);
	}
	struct ip four = ip("0.0.0.0"), six = ip("::");
	assert_false(pb_ip_in_prefix(&four, &six, 0)); /* two families */
	assert_false(pb_ip_in_prefix(&six, &four, 0));
}

static void sockaddrs(void **state)
{
	static const struct {
		const char *text;
		int family;
	} table[] = {
		{"192.0.2.1",    AF_INET },
                { "192.0.2.1",   AF_INET6},
                { "0.0.0.0",     AF_INET },
		{ "2001:db8::1", AF_INET6},
                { "::",          AF_INET6},
	};
	union pb_addr to;
	struct ip again;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct ip a = ip(table[i].text);
		pb_ip_to_sockaddr(&to, &a, 8080, table[i].family);
		assert_int_equal(to.sa.sa_family, table[i].family);
		for (socklen_t len = 0; len < pb_addr_len(&to); len++)
			assert_false(pb_ip_from_sockaddr(&again, &port, &to.sa, len));
		assert_true(pb_ip_from_sockaddr(&again, &port, &to.sa, pb_addr_len(&to)));
		assert_true(ip_equal(&a, &again));
		assert_int_equal(port, 8080);
	}
	to.sa.sa_family = AF_UNIX;
	assert_false(pb_ip_from_sockaddr(&again, &port, &to.sa, sizeof to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(texts),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
