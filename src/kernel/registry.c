#include "kernel/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX       (8 * 1024 * 1024) /* IANA's whole registry is about 1 MB */
#define EPHEMERAL_FILE "/proc/sys/net/ipv4/ip_local_port_range"
#define BLANKS         " \t\r\n\v\f"

/* What we serve ourselves, and what people most often call. */
static const char stand_in[] = "echo 7/tcp\n"
			       "echo 7/udp\n"
			       "discard 9/tcp sink null\n"
			       "discard 9/udp sink null\n"
			       "daytime 13/tcp\n"
			       "daytime 13/udp\n"
			       "chargen 19/tcp ttytst source\n"
			       "chargen 19/udp ttytst source\n"
			       "ssh 22/tcp\n"
			       "smtp 25/tcp mail\n"
			       "time 37/tcp timserver\n"
			       "time 37/udp timserver\n"
			       "domain 53/tcp\n"
			       "domain 53/udp\n"
			       "http 80/tcp www\n"
			       "https 443/tcp\n"
			       "https 443/udp\n"
			       "http-alt 8080/tcp webcache\n";

bool registry_number(const char *text, uint16_t *port)
{
	unsigned n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > UINT16_MAX)
			return false;
	}
	*port = (uint16_t)n;
	return true;
}

/* The words that are left on the line, moved together in place so that one space is between two. */
static const char *gather(char *rest)
{
	char *save = NULL, *end = rest;

	if (!rest)
		return "";
	for (char *word = strtok_r(rest, BLANKS, &save); word; word = strtok_r(NULL, BLANKS, &save)) {
		size_t len = strlen(word);
		if (end != rest)
			*end++ = ' ';
		memmove(end, word, len);
		end += len;
	}
	*end = '\0';
	return rest;
}

/* NAME PORT/PROTO [ALIAS]... [# comment]. False: the line is no entry. */
static bool read_line(struct registry_entry *e, char *line)
{
	char *save = NULL, *slash;

	line[strcspn(line, "#")] = '\0';
	e->name = strtok_r(line, BLANKS, &save);
	char *port = e->name ? strtok_r(NULL, BLANKS, &save) : NULL;
	if (!port || !(slash = strchr(port, '/')) || !slash[1])
		return false;
	*slash = '\0';
	e->proto = slash + 1;
	e->aliases = gather(save);
	return registry_number(port, &e->port);
}

/* The whole file as a string the caller frees; NULL: errno says why. */
static char *read_text(const char *file)
{
	FILE *f = fopen(file, "re");
	size_t size = 0, cap = 0;
	char *text = NULL;

	if (!f)
		return NULL;
	do {
		cap = cap ? cap * 2 : 32 * 1024;
		char *more = cap <= FILE_MAX ? realloc(text, cap) : NULL;
		if (!more) {
			free(text);
			fclose(f);
			errno = cap > FILE_MAX ? EFBIG : ENOMEM;
			return NULL;
		}
		text = more;
		size += fread(text + size, 1, cap - size - 1, f);
	} while (size == cap - 1);
	text[size] = '\0';
	fclose(f);
	return text;
}

int registry_read(struct registry *r, const char *file)
{
	size_t lines = 1;
	char *save = NULL;

	*r = (struct registry){ .text = read_text(file) };
	if (!r->text && errno == ENOENT)
		r->text = strdup(stand_in);
	if (!r->text)
		return -errno;
	for (const char *p = r->text; (p = strchr(p, '\n')); p++)
		lines++;
	r->entries = calloc(lines, sizeof *r->entries);
	if (!r->entries) {
		registry_free(r);
		return -ENOMEM;
	}
	for (char *line = strtok_r(r->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (read_line(&r->entries[r->count], line))
			r->count++;
	return 0;
}

void registry_free(struct registry *r)
{
	free(r->entries);
	free(r->text);
	*r = (struct registry){ 0 };
}

bool registry_entry_is_called(const struct registry_entry *e, const char *name)
{
	size_t len = strlen(name);

	if (strcasecmp(e->name, name) == 0)
		return true;
	for (const char *alias = e->aliases; *alias;) {
		size_t n = strcspn(alias, " ");
		if (n == len && strncasecmp(alias, name, n) == 0)
			return true;
		alias += n + (alias[n] == ' ');
	}
	return false;
}

const struct registry_entry *registry_by_name(const struct registry *r, const char *name, const char *proto)
{
	for (size_t i = 0; i < r->count; i++)
		if ((!proto || strcmp(r->entries[i].proto, proto) == 0) &&
		    registry_entry_is_called(&r->entries[i], name))
			return &r->entries[i];
	return NULL;
}

const struct registry_entry *registry_by_port(const struct registry *r, uint16_t port, const char *proto)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].port == port && (!proto || strcmp(r->entries[i].proto, proto) == 0))
			return &r->entries[i];
	return NULL;
}

bool registry_port(const char *name_or_number, const char *proto, uint16_t *port)
{
	struct registry r;

	if (registry_number(name_or_number, port))
		return true;
	if (registry_read(&r, REGISTRY_FILE) < 0)
		return false;
	const struct registry_entry *e = registry_by_name(&r, name_or_number, proto);
	if (e)
		*port = e->port;
	registry_free(&r);
	return e != NULL;
}

static const struct {
	const char *name;
	struct port_range range;
} classes[] = {
	[PORT_WELL_KNOWN] = {"well-known",  { 0, 1023 }          },
	[PORT_REGISTERED] = { "registered", { 1024, 49151 }      },
	[PORT_DYNAMIC] = { "dynamic",    { 49152, UINT16_MAX }},
};

enum port_class port_class_of(uint16_t port)
{
	if (port <= classes[PORT_WELL_KNOWN].range.last)
		return PORT_WELL_KNOWN;
	return port <= classes[PORT_REGISTERED].range.last ? PORT_REGISTERED : PORT_DYNAMIC;
}

const char *port_class_name(enum port_class c)
{
	return classes[c].name;
}

struct port_range port_class_range(enum port_class c)
{
	return classes[c].range;
}

bool registry_ephemeral(struct port_range *range)
{
	char first[8], last[8];
	FILE *f = fopen(EPHEMERAL_FILE, "re");

	if (!f)
		return false;
	int n = fscanf(f, "%7s %7s", first, last);
	fclose(f);
	return n == 2 && registry_number(first, &range->first) && registry_number(last, &range->last);
}
