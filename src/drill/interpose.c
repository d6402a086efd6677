/*
 * packetdrill asks for TCP_INFO (its assertions), sends files, and closes what a script left open with libc's calls,
 * not with those of the interface. So these of its calls are led here: where the program that has loaded us keeps the
 * addresses that the linker found for it (elf(5): DT_JMPREL and DT_RELA), ours are written. What is no socket of ours
 * goes on to libc.
 */
#include "drill/interpose.h"

#include "drill/adapter.h"

#include <dlfcn.h>
#include <link.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define CONGESTION_INFO 26 /* TCP_CC_INFO, asked for beside TCP_INFO, and told as zeroes */

static bool is_told_as_zeroes(int level, int name)
{
	return (level == IPPROTO_TCP && name == CONGESTION_INFO) ||
	       (level == SOL_SOCKET && name == SO_MEMINFO);
}

static int our_getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	struct adapter *a = drill_adapter_of(fd);
	int (*next)(int, int, int, void *, socklen_t *);

	if (!a || !a->fd[fd].socket) {
		*(void **)&next = dlsym(RTLD_NEXT, "getsockopt");
		return next(fd, level, name, value, len);
	}
	if (is_told_as_zeroes(level, name)) {
		memset(value, 0, *len);
		return 0;
	}
	socklen_t asked = *len;
	memset(value, 0, asked);
	drill_adapter_lock(a);
	int rc = pb_getsockopt(a->fd[fd].socket, level, name, value, len);
	if (rc == 0 && level == IPPROTO_TCP &&
	    name == TCP_INFO) /* as a kernel that knows of all its fields */
		*len = asked;
	return (int)drill_adapter_leave(a, rc);
}

static int our_close(int fd)
{
	struct adapter *a = drill_adapter_of(fd);
	int (*next)(int);

	if (a) {
		drill_adapter_lock(a);
		drill_adapter_remove(a, fd);
		drill_adapter_leave(a, 0);
	}
	*(void **)&next = dlsym(RTLD_NEXT, "close");
	return next(fd);
}

static ssize_t our_sendfile(int out, int in, off_t *offset, size_t len)
{
	struct adapter *a = drill_adapter_of(out);

	return a && offset ? drill_sendfile(a, out, in, offset, len) : sendfile(out, in, offset, len);
}

static void *ours(const char *name)
{
	if (strcmp(name, "sendfile") == 0 || strcmp(name, "sendfile64") == 0)
		return (void *)our_sendfile;
	if (strcmp(name, "getsockopt") == 0)
		return (void *)our_getsockopt;
	return strcmp(name, "close") == 0 ? (void *)our_close : NULL;
}

/* Where the linker has made a page of addresses read-only, it is writable from now on. */
static void write_address(void **at, void *address)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)at & ~(page - 1);

	if (mprotect((void *)start, page, PROT_READ | PROT_WRITE) == 0)
		*at = address;
}

/* A program's dynamic section, as far as it is needed. */
struct linkage {
	ElfW(Addr) base;
	const ElfW(Sym) * symbols;
	const char *names;
	const ElfW(Rela) * plt, *others;
	size_t plt_size, others_size; /* bytes */
};

static void redirect(const struct linkage *l, const ElfW(Rela) * relocations, size_t size)
{
	for (size_t i = 0; relocations && i < size / sizeof *relocations; i++) {
		const ElfW(Rela) *r = &relocations[i];
		void *address = ours(l->names + l->symbols[ELF64_R_SYM(r->r_info)].st_name);
		if (address)
			write_address((void **)(l->base + r->r_offset), address);
	}
}

static struct linkage read_linkage(const struct dl_phdr_info *program, const ElfW(Dyn) * d)
{
	struct linkage l = { .base = program->dlpi_addr };

	for (; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			l.symbols = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_STRTAB)
			l.names = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_JMPREL)
			l.plt = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_PLTRELSZ)
			l.plt_size = d->d_un.d_val;
		else if (d->d_tag == DT_RELA)
			l.others = (const void *)d->d_un.d_ptr;
		else if (d->d_tag == DT_RELASZ)
			l.others_size = d->d_un.d_val;
	}
	return l;
}

/* The first that is told of is the program itself: dl_iterate_phdr(3). */
static int lead_here(struct dl_phdr_info *program, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (int i = 0; i < program->dlpi_phnum; i++) {
		if (program->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		struct linkage l = read_linkage(
			program, (const void *)(program->dlpi_addr + program->dlpi_phdr[i].p_vaddr));
		if (!l.symbols || !l.names)
			break;
		redirect(&l, l.plt, l.plt_size);
		redirect(&l, l.others, l.others_size);
	}
	return 1;
}

void drill_interpose(void)
{
	dl_iterate_phdr(lead_here, NULL);
}
