#include "drill/config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The language's defaults. */
#define TOLERANCE_DEFAULT PB_MSEC(4)
#define PORT_DEFAULT      8080
#define MTU4_DEFAULT      1500
#define MTU6_DEFAULT      1520
#define MTU_MAX           65535
#define MTU_MIN           68 /* RFC 791 §3.2 */

static void set_version(struct config *c, bool ip6, bool mapped)
{
	c->family = ip6 || mapped ? AF_INET6 : AF_INET;
	pb_ip_parse(&c->local, ip6 ? "fd3d:0a0b:17d6::1" : "192.168.0.1");
	pb_ip_parse(&c->remote, ip6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1");
	c->bits = ip6 ? 48 : 16;
	c->mtu = ip6 ? MTU6_DEFAULT : MTU4_DEFAULT;
}

static bool read_version(struct config *c, const char *text)
{
	bool ip6 = strcmp(text, "ipv6") == 0, mapped = strcmp(text, "ipv4-mapped-ipv6") == 0;

	if (!ip6 && !mapped && strcmp(text, "ipv4") != 0)
		return false;
	set_version(c, ip6, mapped);
	return true;
}

static bool read_number(const char *text, long min, long max, long *n)
{
	char *end;

	errno = 0;
	*n = strtol(text, &end, 0);
	return !errno && end != text && !*end && *n >= min && *n <= max;
}

/* 1: taken; 0: it means nothing here; -1: its value is wrong. */
static int read_option(struct config *c, const struct script_option *o)
{
	long n;

	assert(o->value); /* a script that was read has them all */
	if (strcmp(o->name, "local_ip") == 0 || strcmp(o->name, "remote_ip") == 0)
		return pb_ip_parse(o->name[0] == 'l' ? &c->local : &c->remote, o->value) ? 1 : -1;
	if (strcmp(o->name, "bind_port") == 0 || strcmp(o->name, "connect_port") == 0) {
		if (!read_number(o->value, 1, UINT16_MAX, &n))
			return -1;
		*(o->name[0] == 'b' ? &c->bind_port : &c->connect_port) = (uint16_t)n;
	} else if (strcmp(o->name, "mtu") == 0) {
		if (!read_number(o->value, MTU_MIN, MTU_MAX, &n))
			return -1;
		c->mtu = (uint32_t)n;
	} else if (strcmp(o->name, "tolerance_usecs") == 0) {
		if (!read_number(o->value, 0, 1000000000, &n))
			return -1;
		c->tolerance = (pb_time)n * 1000;
	} else if (strcmp(o->name, "tolerance_percent") == 0) {
		if (!read_number(o->value, 0, 100, &n))
			return -1;
		c->tolerance_percent = (unsigned)n;
	} else if (strcmp(o->name, "tcp_ts_tick_usecs") == 0) {
		if (!read_number(o->value, 0, 1000000, &n))
			return -1;
		c->stamp_tick = (uint32_t)n;
	} else {
		return 0;
	}
	return 1;
}

bool drill_config_read(struct config *c, const struct script *s, const char *ip_version,
		       void (*skipped)(void *context, const struct script_option *o), void *context,
		       char *why)
{
	*c = (struct config){ .bind_port = PORT_DEFAULT,
			      .connect_port = PORT_DEFAULT,
			      .tolerance = TOLERANCE_DEFAULT };
	set_version(c, false, false);
	for (const struct script_option *o = s->options; o; o = o->next)
		if (strcmp(o->name, "ip_version") == 0)
			ip_version = o->value;
	if (ip_version && !read_version(c, ip_version)) {
		snprintf(why, SCRIPT_ERROR_LEN,
			 "the IP version is ipv4, ipv6 or ipv4-mapped-ipv6, not '%.40s'", ip_version);
		return false;
	}
	for (const struct script_option *o = s->options; o; o = o->next) {
		int rc = strcmp(o->name, "ip_version") == 0 || strcmp(o->name, "define") == 0
				 ? 1
				 : read_option(c, o);
		if (rc == 0)
			skipped(context, o);
		if (rc < 0) {
			snprintf(why, SCRIPT_ERROR_LEN, "%d: --%.40s cannot be '%.40s'", o->line, o->name,
				 o->value);
			return false;
		}
	}
	return true;
}
