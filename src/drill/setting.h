/*
 * Settings: what a script asks of the kernel by `sysctl -q net.ipv4.tcp_…=…`, where a socket of ours has the like,
 * and `ip tcp_metrics flush`, `tc qdisc … fq`. No command is run.
 */
#ifndef DRILL_SETTING_H
#define DRILL_SETTING_H

#include <packetboat/stack.h>
#include <stdbool.h>
#include <stddef.h>

#define SETTING_OF_STACK  (-1)
#define SETTING_OF_STREAM (-2) /* of TCP sockets, but no option */
#define SETTINGS_MAX      48
#define SETTING_VALUE_MAX 80 /* two keys of fast open */

struct setting {
	int level, name; /* of the socket option that it is; SETTING_OF_…, and which */
	bool is_text;
	int number;
	char text[SETTING_VALUE_MAX];
};

struct settings {
	struct setting setting[SETTINGS_MAX];
	unsigned count;
	bool paced; /* `tc qdisc … fq` was asked for */
	unsigned
		flushes; /* how often `ip tcp_metrics flush` was asked for: cookies of fast open are forgotten */
	unsigned flushed; /* and done */
};

/* Called with each part of a command that means nothing to us. */
typedef void setting_skipped_fn(void *context, const char *what, size_t len);

/* Take the assignments out of a command: "sysctl -q net.ipv4.tcp_syn_retries=5". */
void drill_settings_read(struct settings *s, const char *command, setting_skipped_fn *skipped, void *context);

/* Give the stack those that are its own, for connections from now on; and the others to a new socket. */
void drill_settings_apply_to_stack(struct settings *s, struct pb_stack *stack);

void drill_settings_apply(const struct settings *s, struct pb_socket *socket);

#endif
