/*
 * The port registry: which service a port number is registered for, as the system's services file has it
 * (services(5), taken from IANA's registry, RFC 6335), and the range this host takes ephemeral ports from.
 */
#ifndef KERNEL_REGISTRY_H
#define KERNEL_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTRY_FILE "/etc/services"

/* One line of the file. */
struct registry_entry {
	const char *name;
	const char *proto;   /* "tcp", "udp", "sctp", … */
	const char *aliases; /* one space between two; "" when there are none */
	uint16_t port;
};

/* All of it, in the order of the file. */
struct registry {
	struct registry_entry *entries;
	size_t count;
	char *text; /* what the entries point into */
};

/*
 * Read the file; lines that are no entries are passed over. 0 or -errno. Where there is no file, the names of a few
 * well-known services stand in for it, so that "http" is a port on a bare machine too.
 */
int registry_read(struct registry *r, const char *file);
void registry_free(struct registry *r);

/* The first entry with that name or alias, in either case (RFC 6335 5.1). proto NULL: any. NULL: there is none. */
const struct registry_entry *registry_by_name(const struct registry *r, const char *name, const char *proto);

/* The first entry of a port. proto NULL: any. NULL: there is none. */
const struct registry_entry *registry_by_port(const struct registry *r, uint16_t port, const char *proto);

bool registry_entry_is_called(const struct registry_entry *e, const char *name);

/* Decimal digits from 0 to 65535 and nothing else. */
bool registry_number(const char *text, uint16_t *port);

/* A number, or a name in REGISTRY_FILE. proto "tcp", "udp" or NULL: any. */
bool registry_port(const char *name_or_number, const char *proto, uint16_t *port);

/* The ranges of RFC 6335 section 6. */
enum port_class { PORT_WELL_KNOWN, PORT_REGISTERED, PORT_DYNAMIC };

struct port_range {
	uint16_t first, last; /* both included */
};

enum port_class port_class_of(uint16_t port);
const char *port_class_name(enum port_class c);
struct port_range port_class_range(enum port_class c);

/* Where the kernel takes the port of a socket that was not bound to one. False: it does not tell. */
bool registry_ephemeral(struct port_range *range);

#endif
