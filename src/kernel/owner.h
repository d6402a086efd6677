/*
 * Which process holds a socket: found by its inode among the open files of the processes that we may look at (our
 * own, or with root's rights all), since the kernel keeps no other record.
 */
#ifndef KERNEL_OWNER_H
#define KERNEL_OWNER_H

#include "base/addr.h"

#include <stddef.h>
#include <sys/types.h>

struct owner {
	pid_t pid;
	char name[64]; /* of its program */
};

/* The sockets of all processes: one walk over /proc, then any number of questions. */
struct owner_map {
	struct owner_entry *entries;
	size_t count, room;
};

/* 0 or -errno. */
int owner_map_read(struct owner_map *map);
void owner_map_free(struct owner_map *map);

/* The process, the lowest pid of several, that holds the socket of this inode. False: not seen. */
bool owner_of_inode(const struct owner_map *map, uint32_t inode, struct owner *out);

/*
 * Who holds an address and port that bind() found in use: a listener before any other socket. The wildcard stands in
 * the way of every address, and :: in that of IPv4 unless it is IPV6_V6ONLY. False: it cannot be seen.
 */
bool owner_of_port(int type, const union pb_addr *addr, struct owner *out);

#endif
