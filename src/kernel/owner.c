#include "kernel/owner.h"

#include "kernel/sockdiag.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct owner_entry {
	uint32_t inode;
	pid_t pid;
};

static int append(struct owner_map *map, uint32_t inode, pid_t pid)
{
	if (map->count == map->room) {
		size_t room = map->room ? map->room * 2 : 256;
		struct owner_entry *more = realloc(map->entries, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		map->entries = more;
		map->room = room;
	}
	map->entries[map->count++] = (struct owner_entry){ inode, pid };
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct owner_entry *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* A name of digits only: a process or a file descriptor. */
static bool numeric(const char *name)
{
	return *name && name[strspn(name, "0123456789")] == '\0';
}

/* Take what is open in one process: links that read "socket:[INODE]". */
static int read_process(struct owner_map *map, int proc, const char *pid)
{
	char path[32], link[64];
	struct dirent *entry;
	unsigned inode;
	int rc = 0;

	snprintf(path, sizeof path, "%.16s/fd", pid);
	int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) { /* not ours to look at, or gone */
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (rc == 0 && (entry = readdir(dir))) {
		ssize_t n =
			numeric(entry->d_name) ? readlinkat(fd, entry->d_name, link, sizeof link - 1) : -1;
		if (n <= 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "socket:[%u]", &inode) == 1)
			rc = append(map, inode, (pid_t)strtol(pid, NULL, 10));
	}
	closedir(dir);
	return rc;
}

int owner_map_read(struct owner_map *map)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int rc = 0;

	*map = (struct owner_map){ 0 };
	if (!proc)
		return -errno;
	while (rc == 0 && (entry = readdir(proc)))
		if (numeric(entry->d_name))
			rc = read_process(map, dirfd(proc), entry->d_name);
	closedir(proc);
	if (map->count)
		qsort(map->entries, map->count, sizeof *map->entries, by_inode);
	return rc;
}

void owner_map_free(struct owner_map *map)
{
	free(map->entries);
	*map = (struct owner_map){ 0 };
}

/* The kernel's short name of the program (proc(5), comm): what a process calls itself, so nothing to print raw. */
static void read_name(struct owner *o)
{
	char path[32];
	size_t n = 0;

	snprintf(path, sizeof path, "/proc/%d/comm", (int)o->pid);
	FILE *f = fopen(path, "re");
	if (f) {
		n = fread(o->name, 1, sizeof o->name - 1, f);
		fclose(f);
	}
	o->name[n] = '\0';
	o->name[strcspn(o->name, "\n")] = '\0';
	for (char *p = o->name; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	if (!o->name[0])
		snprintf(o->name, sizeof o->name, "?");
}

bool owner_of_inode(const struct owner_map *map, uint32_t inode, struct owner *out)
{
	size_t low = 0, high = map->count;

	while (low < high) { /* the first entry that is not below it */
		size_t middle = low + (high - low) / 2;
		if (map->entries[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	if (inode == 0 || low == map->count || map->entries[low].inode != inode)
		return false;
	out->pid = map->entries[low].pid;
	read_name(out);
	return true;
}

static bool takes_both(const struct diag_socket *s)
{
	return s->local.sa.sa_family == AF_INET6 && pb_addr_is_any(&s->local) && !s->v6only;
}

/* Would a socket bound to addr meet this one? addr's own IPV6_V6ONLY is not known: :: is taken to want both. */
static bool in_the_way(const struct diag_socket *s, const union pb_addr *addr)
{
	union pb_addr local = s->local;

	if (pb_addr_port(&local) != pb_addr_port(addr))
		return false;
	if (local.sa.sa_family != addr->sa.sa_family)
		return takes_both(s) || (addr->sa.sa_family == AF_INET6 && pb_addr_is_any(addr));
	return pb_addr_is_any(&local) || pb_addr_is_any(addr) || pb_addr_equal(&local, addr);
}

/* The better one comes first: a listener; then the very address asked for. */
static int rank(const struct diag_socket *s, const union pb_addr *addr)
{
	return 1 + 2 * diag_socket_listens(s) + pb_addr_equal(&s->local, addr);
}

bool owner_of_port(int type, const union pb_addr *addr, struct owner *out)
{
	struct diag_list list;
	struct owner_map map = { 0 };
	union pb_addr wanted = *addr;
	struct owner o;
	int best = 0;

	pb_addr_unmap(&wanted);
	if (sockdiag_read(&list, type) == 0 && owner_map_read(&map) == 0)
		for (size_t i = 0; i < list.count; i++) {
			const struct diag_socket *s = &list.sockets[i];
			if (in_the_way(s, &wanted) && rank(s, &wanted) > best &&
			    owner_of_inode(&map, s->inode, &o)) {
				best = rank(s, &wanted);
				*out = o;
			}
		}
	owner_map_free(&map);
	diag_list_free(&list);
	return best > 0;
}
