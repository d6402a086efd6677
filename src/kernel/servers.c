#include "kernel/servers.h"

#include <errno.h>
#include <jansson.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NAME_PREFIX "@packetboat/serve/" /* the kernel prints the NUL in front as @ */
#define WAIT_MS     1000
#define SERVERS_MAX 64
#define ANSWER_MAX  (8 * 1024 * 1024) /* bytes: some 40,000 connections */

/* A server that is being asked. */
struct asked {
	char *text;
	size_t len, room;
	int fd;
	pid_t pid;
	uid_t uid;
	bool whole;
};

/* Text from elsewhere, which will be printed: cut, and without what could move a cursor. */
static void take_text(char *out, size_t room, const char *text)
{
	size_t n = 0;

	for (; text && text[n] && n < room - 1; n++)
		out[n] = text[n] > 0x20 && text[n] < 0x7f ? text[n] : '?';
	out[n] = '\0';
}

static void take_name(char out[SERVERS_NAME], const char *text)
{
	take_text(out, SERVERS_NAME, text);
}

/* 127.0.0.1:80 or [::1]:80 */
static bool take_addr(union pb_addr *a, const char *text)
{
	char host[PB_ADDR_TEXT];
	const char *colon = text ? strrchr(text, ':') : NULL;
	char *end;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	unsigned long port = strtoul(colon + 1, &end, 10);
	size_t len = (size_t)(colon - text);
	if (*text == '[' && len > 2 && colon[-1] == ']') {
		text++;
		len -= 2;
	}
	if (*end || port > UINT16_MAX || len >= sizeof host)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (!pb_addr_parse(a, host))
		return false;
	pb_addr_set_port(a, (uint16_t)port);
	pb_addr_unmap(a);
	return true;
}

static bool take_proto(int *type, const char *text)
{
	if (!text || (strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0))
		return false;
	*type = *text == 't' ? SOCK_STREAM : SOCK_DGRAM;
	return true;
}

static const char *string_in(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static uint64_t count_in(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

static bool take_service(struct running_service *s, const json_t *item)
{
	take_name(s->service, string_in(item, "service"));
	return take_proto(&s->type, string_in(item, "proto")) &&
	       take_addr(&s->local, string_in(item, "local"));
}

static bool take_conn(struct running_conn *c, const json_t *item)
{
	take_name(c->service, string_in(item, "service"));
	c->number = count_in(item, "number");
	c->bytes_in = count_in(item, "bytes_in");
	c->bytes_out = count_in(item, "bytes_out");
	c->seconds = json_number_value(json_object_get(item, "seconds"));
	return take_proto(&c->type, string_in(item, "proto")) &&
	       take_addr(&c->local, string_in(item, "local")) && take_addr(&c->peer, string_in(item, "peer"));
}

static bool take_socket(struct running_socket *s, const json_t *item)
{
	uint64_t state = count_in(item, "state");

	s->state = (uint8_t)state;
	s->recv_queue = (uint32_t)count_in(item, "recv_queue");
	s->send_queue = (uint32_t)count_in(item, "send_queue");
	return state >= TCP_ESTABLISHED && state <= TCP_CLOSING &&
	       take_proto(&s->type, string_in(item, "proto")) &&
	       take_addr(&s->local, string_in(item, "local")) && take_addr(&s->peer, string_in(item, "peer"));
}

/* How many it has beyond those it told of. */
static size_t untold(const json_t *all, const char *count_key, size_t told)
{
	uint64_t has = count_in(all, count_key);

	return has > told ? has - told : 0;
}

/* What a server tells of a stack of its own. False: out of memory. */
static bool take_stack(struct running_server *s, const json_t *all)
{
	const json_t *addresses = json_object_get(all, "addresses"),
		     *sockets = json_object_get(all, "sockets");
	size_t address_count = json_array_size(addresses), told = json_array_size(sockets);

	take_name(s->device, string_in(all, "device"));
	s->addresses = calloc(address_count + 1, sizeof *s->addresses);
	s->sockets = calloc(told + 1, sizeof *s->sockets);
	if (!s->addresses || !s->sockets)
		return false;
	for (; s->address_count < address_count; s->address_count++)
		take_text(s->addresses[s->address_count].text, SERVERS_ADDRESS,
			  json_string_value(json_array_get(addresses, s->address_count)));
	for (size_t i = 0; i < told; i++)
		s->socket_count += take_socket(&s->sockets[s->socket_count], json_array_get(sockets, i));
	s->sockets_untold = untold(all, "socket_count", told);
	return true;
}

bool running_server_parse(struct running_server *s, const char *text, size_t len)
{
	json_t *all = json_loadb(text, len, 0, NULL);
	const json_t *services = json_object_get(all, "services"),
		     *conns = json_object_get(all, "connections");
	size_t service_count = json_array_size(services), conn_count = json_array_size(conns);
	bool ok = string_in(all, "net") != NULL;

	*s = (struct running_server){ 0 };
	take_name(s->net, string_in(all, "net"));
	s->services = calloc(service_count + 1, sizeof *s->services);
	s->conns = calloc(conn_count + 1, sizeof *s->conns);
	ok = ok && s->services && s->conns;
	for (size_t i = 0; ok && i < service_count; i++)
		s->service_count += take_service(&s->services[s->service_count], json_array_get(services, i));
	for (size_t i = 0; ok && i < conn_count; i++)
		s->conn_count += take_conn(&s->conns[s->conn_count], json_array_get(conns, i));
	s->conns_untold = untold(all, "connection_count", conn_count);
	ok = ok && (strcmp(s->net, "stack") != 0 || take_stack(s, all));
	json_decref(all);
	if (!ok)
		running_server_free(s);
	return ok;
}

void running_server_free(struct running_server *s)
{
	free(s->services);
	free(s->conns);
	free(s->addresses);
	free(s->sockets);
	*s = (struct running_server){ 0 };
}

/* Connect to the abstract name. Only one who accepts at once is waited for. -1: nobody. */
static int call(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	memcpy(addr.sun_path + 1, name + 1, len - 1);
	if (connect(fd, (struct sockaddr *)&addr,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool ask(struct asked *a, const char *name)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	*a = (struct asked){ .fd = call(name) };
	if (a->fd < 0)
		return false;
	if (getsockopt(a->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		close(a->fd);
		return false;
	}
	a->pid = peer.pid;
	a->uid = peer.uid;
	return true;
}

/* The name in a line of /proc/net/unix, if it is a server's and this its listener; else NULL. */
static const char *name_of(char *line)
{
	unsigned flags;
	char *name = strchr(line, '@');

	if (!name || sscanf(line, "%*s %*s %*s %x", &flags) != 1 || !(flags & 0x10000)) /* __SO_ACCEPTCON */
		return NULL;
	name[strcspn(name, "\n")] = '\0';
	size_t digits = strlen(NAME_PREFIX);
	if (strncmp(name, NAME_PREFIX, digits) != 0 || !name[digits] ||
	    name[digits + strspn(name + digits, "0123456789")] || strlen(name) > digits + 10)
		return NULL;
	return name;
}

/* Call all. 0 or -errno. */
static int ask_all(struct asked asked[SERVERS_MAX], size_t *count)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[256];

	*count = 0;
	if (!f)
		return -errno;
	while (*count < SERVERS_MAX && fgets(line, sizeof line, f)) {
		const char *name = name_of(line);
		if (name && ask(&asked[*count], name))
			++*count;
	}
	fclose(f);
	return 0;
}

/* Take what has come. False: there will be no more. */
static bool take_some(struct asked *a)
{
	if (a->room - a->len < 4096) {
		size_t room = a->room ? a->room * 2 : 16 * 1024;
		char *more = room <= ANSWER_MAX ? realloc(a->text, room) : NULL;
		if (!more)
			return false;
		a->text = more;
		a->room = room;
	}
	ssize_t n = read(a->fd, a->text + a->len, a->room - a->len);
	if (n > 0)
		a->len += (size_t)n;
	a->whole = n == 0;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until all have told everything, or the time is over. */
static void listen_to_all(struct asked *asked, size_t count)
{
	struct pollfd fds[SERVERS_MAX];
	int64_t end = now_ms() + WAIT_MS, left = WAIT_MS;
	size_t open = count;

	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ asked[i].fd, POLLIN, 0 };
	while (open && left > 0) {
		if (poll(fds, count, (int)left) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents && !take_some(&asked[i])) {
				fds[i].fd = -1; /* poll() passes over it */
				open--;
			}
		left = end - now_ms();
	}
}

int servers_read(struct running_servers *list)
{
	struct asked asked[SERVERS_MAX];
	size_t count;
	int rc = ask_all(asked, &count);

	*list = (struct running_servers){ 0 };
	if (rc < 0)
		return rc;
	listen_to_all(asked, count);
	list->servers = calloc(count + 1, sizeof *list->servers);
	for (size_t i = 0; i < count; i++) {
		struct running_server *s = list->servers ? &list->servers[list->count] : NULL;
		if (s && asked[i].whole && running_server_parse(s, asked[i].text, asked[i].len)) {
			s->pid = asked[i].pid;
			s->uid = asked[i].uid;
			list->count++;
		}
		close(asked[i].fd);
		free(asked[i].text);
	}
	return list->servers ? 0 : -ENOMEM;
}

void servers_free(struct running_servers *list)
{
	for (size_t i = 0; i < list->count; i++)
		running_server_free(&list->servers[i]);
	free(list->servers);
	*list = (struct running_servers){ 0 };
}
