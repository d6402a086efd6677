/* The port registry, from files written here and from none. */
#include "kernel/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void read_from(struct registry *r, const char *text)
{
	char file[] = "/tmp/packetboat-registry-XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(registry_read(r, file), 0);
	unlink(file);
}

static void entries(void **state)
{
	struct registry r;

	(void)state;
	read_from(&r, "# a comment\n\n"
		      "http\t\t80/tcp  www\t web # the web\n"
		      "domain 53/tcp\ndomain 53/udp\n"
		      "broken 80\nbroken 80/\nbroken 65536/tcp\nbroken -1/tcp\nbroken\nbroken x/tcp\n"
		      "last 65535/udp end");
	assert_int_equal(r.count, 4);
	assert_string_equal(r.entries[0].aliases, "www web");
	assert_string_equal(r.entries[1].aliases, "");
	assert_ptr_equal(registry_by_name(&r, "WWW", NULL), &r.entries[0]);
	assert_ptr_equal(registry_by_name(&r, "web", "tcp"), &r.entries[0]);
	assert_null(registry_by_name(&r, "web", "udp"));
	assert_null(registry_by_name(&r, "we", NULL));
	assert_null(registry_by_name(&r, "www web", NULL));
	assert_null(registry_by_name(&r, "broken", NULL));
	assert_ptr_equal(registry_by_port(&r, 53, "udp"), &r.entries[2]);
	assert_ptr_equal(registry_by_port(&r, 53, NULL), &r.entries[1]);
	assert_null(registry_by_port(&r, 65535, "tcp"));
	assert_ptr_equal(registry_by_name(&r, "end", "udp"), &r.entries[3]);
	registry_free(&r);
	read_from(&r, "");
	assert_int_equal(r.count, 0);
	registry_free(&r);
}

static void no_file(void **state)
{
	struct registry r;

	(void)state;
	assert_int_equal(registry_read(&r, "/nonexistent/services"), 0);
	assert_int_equal(registry_by_name(&r, "http", "tcp")->port, 80);
	assert_int_equal(registry_by_name(&r, "sink", "udp")->port, 9);
	registry_free(&r);
}

static void numbers(void **state)
{
	static const char *const wrong[] = { "",   "65536", "-1",   "+1",
					     " 1", "1 ",    "0x50", "99999999999999999999" };
	uint16_t port = 1;

	(void)state;
	assert_true(registry_port("0", NULL, &port));
	assert_int_equal(port, 0);
	assert_true(registry_port("65535", "udp", &port));
	assert_int_equal(port, 65535);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(registry_port(wrong[i], NULL, &port));
	assert_true(registry_port("http", "tcp", &port));
	assert_int_equal(port, 80);
}

static void classes(void **state)
{
	struct port_range range;

	(void)state;
	assert_int_equal(port_class_of(0), PORT_WELL_KNOWN);
	assert_int_equal(port_class_of(1023), PORT_WELL_KNOWN);
	assert_int_equal(port_class_of(1024), PORT_REGISTERED);
	assert_int_equal(port_class_of(49151), PORT_REGISTERED);
	assert_int_equal(port_class_of(49152), PORT_DYNAMIC);
	assert_int_equal(port_class_of(65535), PORT_DYNAMIC);
	if (registry_ephemeral(&range))
		assert_true(range.first <= range.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),
		cmocka_unit_test(no_file),
		cmocka_unit_test(numbers),
		cmocka_unit_test(classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
