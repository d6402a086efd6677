/* What a script's options say: --tolerance_usecs=1000, --ip_version=ipv6, … */
#ifndef DRILL_CONFIG_H
#define DRILL_CONFIG_H

#include "base/ip.h"
#include "drill/script.h"

struct config {
	int family;              /* of sockets */
	struct ip local, remote; /* of packets */
	uint16_t bind_port, connect_port;
	unsigned bits; /* of the local address's prefix */
	uint32_t mtu;
	pb_time tolerance;
	unsigned tolerance_percent;
	uint32_t stamp_tick; /* microseconds; 0: the values of timestamps are not compared */
};

/*
 * ip_version: where the script says none; NULL: ipv4. skipped is called with each option that means
 * nothing here. False: why (SCRIPT_ERROR_LEN) tells which value is wrong.
 */
bool drill_config_read(struct config *c, const struct script *s, const char *ip_version,
		       void (*skipped)(void *context, const struct script_option *o), void *context,
		       char *why);

#endif
