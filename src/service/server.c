#include "service/server_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPTS_A_TURN    64
#define ACCEPT_PAUSE      PB_MSEC(100) /* after running out of descriptors or memory */
#define CONNS_DEFAULT     16384
#define CONNS_MAX         (1 << 20)
#define IDLE_DEFAULT      PB_SEC(60)
#define SOCKETS_A_SERVICE 4 /* TCP and UDP, IPv4 and IPv6 */

uint8_t *service_scratch(struct service *s)
{
	return s->server->scratch;
}

struct log *service_log(const struct service *s)
{
	return s->server->log;
}

/* Making ------------------------------------------------------------------------------------------------------ */

static bool fail_spec(struct server_error *error, const char *spec, const struct spec_error *why)
{
	snprintf(error->text, sizeof error->text, "service '%.80s': %s", spec, why->text);
	error->err = 0;
	return false;
}

static bool is_key(const char *key, const struct spec_key *keys)
{
	for (; keys && keys->name; keys++)
		if (strcmp(key, keys->name) == 0)
			return true;
	return false;
}

const struct spec_key service_keys[] = {
	{"allow",             "PREFIX[,PREFIX]...", "serve only callers from these, as 10.0.0.0/8"                 },
	{ "aokey",            "FILE",               "sign TCP by TCP-AO with the keys in FILE, and take no other"  },
	{ "conns",            "NUMBER",             "connections at a time (16384)"                                },
	{ "conns-per-client", "NUMBER",             "of these from one IPv4 address or IPv6 /64 (all)"             },
	{ "deny",             "PREFIX[,PREFIX]...", "turn away callers from these; the longest prefix decides"     },
	{ "idle",             "TIME",               "close a connection on which nothing happens for so long (60s)"},
	{ "md5key",           "FILE",               "sign TCP with the key in FILE, and take no other (RFC 2385)"  },
	{ "only",             "tcp|udp",            "where a service serves both, only one"                        },
	{ NULL,               NULL,                 NULL							   },
};

/* A key that nobody reads is most likely a mistyped one. */
static bool check_keys(const struct service *s, struct spec_error *error)
{
	for (size_t i = 0; i < s->spec->count; i++) {
		const char *key = s->spec->values[i].key;
		if (!is_key(key, service_keys) && !is_key(key, s->kind->keys))
			return spec_fail(error,
					 "%s has no key '%s'; 'packetboat serve --help' lists those it has; "
					 "for example %s",
					 s->kind->name, key, s->kind->example);
	}
	const char *only = spec_get(s->spec, "only");
	if (!only || (strcmp(only, "tcp") == 0 && s->kind->stream) ||
	    (strcmp(only, "udp") == 0 && s->kind->datagram))
		return true;
	return spec_fail(error, "only=%s: %s serves %s%s%s", only, s->kind->name,
			 s->kind->stream ? "tcp" : "", s->kind->stream && s->kind->datagram ? " and " : "",
			 s->kind->datagram ? "udp" : "");
}

static bool fail_kind(const struct spec *spec, struct spec_error *error)
{
	char names[256] = "";

	for (size_t i = 0, n = 0; service_kinds[i] && n < sizeof names; i++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "",
				      service_kinds[i]->name);
	return spec_fail(error, "there is no service '%s', but %s; for example echo://:7007", spec->kind,
			 names);
}

static bool read_key_file(struct service *s, enum sign_kind kind, const char *name, struct spec_error *error)
{
	const char *path = spec_get(s->spec, name), *only = spec_get(s->spec, "only");
	char why[256];

	if (!path)
		return true;
	if (only && strcmp(only, "udp") == 0)
		return spec_fail(error, "%s=%s: only TCP is signed, and only=udp serves none of it", name,
				 path);
	return sign_key_read(&s->sign_key, kind, path, why, sizeof why) ||
	       spec_fail(error, "%s=%s", name, why);
}

static bool read_keys(struct service *s, struct spec_error *error)
{
	if (spec_get(s->spec, "md5key") && spec_get(s->spec, "aokey"))
		return spec_fail(error,
				 "md5key= and aokey=: TCP is signed one way or the other; leave one out");
	return read_key_file(s, SIGN_MD5, "md5key", error) && read_key_file(s, SIGN_AO, "aokey", error);
}

static bool configure(struct service *s, struct spec_error *error)
{
	bool ok;

	s->kind = service_kind_find(s->spec->kind);
	if (!s->kind)
		return fail_kind(s->spec, error);
	s->conns_max = CONNS_DEFAULT;
	s->conns_per_client_max = CONNS_MAX;
	s->idle = IDLE_DEFAULT;
	if (!check_keys(s, error) || !spec_number(s->spec, "conns", 1, CONNS_MAX, &s->conns_max, error) ||
	    !spec_number(s->spec, "conns-per-client", 1, CONNS_MAX, &s->conns_per_client_max, error) ||
	    !spec_time(s->spec, "idle", PB_MSEC(100), PB_SEC(7 * 86400), &s->idle, error))
		return false;
	if (!read_keys(s, error))
		return false;
	s->access = access_new(s->spec, error, &ok);
	if (!ok)
		return false;
	return !s->kind->configure || s->kind->configure(s, error);
}

static bool configure_all(struct server *s, const char *const *specs, struct server_error *error)
{
	struct spec_error why;
	size_t conns = 0;

	for (size_t i = 0; i < s->service_count; i++) {
		struct service *service = &s->services[i];
		service->server = s;
		service->index = (unsigned)i;
		if (!spec_parse(&s->specs[i], specs[i], &why))
			return fail_spec(error, specs[i], &why);
		service->spec = &s->specs[i];
		if (!configure(service, &why))
			return fail_spec(error, specs[i], &why);
		conns += service->conns_max;
	}
	return conns <= 4 * (size_t)CONNS_MAX ||
	       fail_spec(error, specs[0],
			 &(struct spec_error){ "conns of all services must not exceed 4194304" });
}

static bool make(struct server *s, const struct server_config *config, const char *const *specs, size_t count,
		 struct server_error *error)
{
	size_t conns = 0;

	snprintf(error->text, sizeof error->text, "out of memory");
	error->err = ENOMEM;
	s->services = calloc(count, sizeof *s->services);
	s->specs = calloc(count, sizeof *s->specs);
	s->listeners = calloc(count * SOCKETS_A_SERVICE, sizeof *s->listeners);
	s->senders = calloc(DATAGRAM_SENDERS, sizeof *s->senders);
	s->scratch = malloc(SCRATCH_SIZE);
	if (!s->services || !s->specs || !s->listeners || !s->senders || !s->scratch)
		return false;
	s->service_count = count;
	if (!configure_all(s, specs, error))
		return false;
	for (size_t i = 0; i < count; i++)
		conns += s->services[i].conns_max;
	s->census = census_new(config->workers, conns);
	return s->census && server_listen(s, error);
}

struct server *server_new(const struct server_config *config, const char *const *specs, size_t count,
			  struct server_error *error)
{
	struct server *s = NULL;

	if (count > SERVER_SERVICES_MAX) {
		snprintf(error->text, sizeof error->text, "at most %d services in one server, not %zu",
			 SERVER_SERVICES_MAX, count);
		error->err = 0;
		return NULL;
	}
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	list_init(&s->conns);
	list_init(&s->lingering.sockets);
	s->net = config->net;
	s->log = config->log;
	s->grace = config->grace;
	if (make(s, config, specs, count, error))
		return s;
	server_free(s);
	return NULL;
}

bool server_listening(const struct server *s, size_t index, char *text, size_t size)
{
	char addr[PB_ADDR_TEXT];

	if (index >= s->listener_count)
		return false;
	const struct listener *l = &s->listeners[index];
	snprintf(text, size, "%s/%s (%s)", pb_addr_text(&l->local, addr),
		 l->type == SOCK_STREAM ? "tcp" : "udp", l->service->kind->name);
	return true;
}

/* Accepting --------------------------------------------------------------------------------------------------- */

static void log_refused(struct service *s, const union pb_addr *peer, const char *why)
{
	char text[PB_ADDR_TEXT];

	if (log_wants(s->server->log))
		log_say(s->server->log, "refused %s %s: %s", pb_addr_text(peer, text), s->kind->name, why);
}

/* Turn a caller away by a reset: he learns at once, and we keep no state. */
static void refuse(struct pb_socket *caller)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	pb_setsockopt(caller, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	pb_close(caller);
}

/* Whether the caller may come in; if so he has been counted. */
static bool admit(struct service *s, struct pb_socket *caller, const union pb_addr *peer)
{
	const char *why = "the service has as many connections as it may (conns=)";

	if (!access_allows(s->access, peer)) {
		log_refused(s, peer, "not allowed (allow=, deny=)");
		refuse(caller);
		return false;
	}
	switch (census_enter(s->server->census, s->index, peer, s->conns_max, s->conns_per_client_max)) {
	case CENSUS_ADMITTED:
		return true;
	case CENSUS_CLIENT_FULL:
		why = "the client has as many connections as it may (conns-per-client=)";
		break;
	case CENSUS_SERVICE_FULL:
		break;
	}
	log_refused(s, peer, why);
	if (s->kind->refuse) {
		s->kind->refuse(s, caller, why);
		linger(&s->server->lingering, caller);
	} else {
		refuse(caller);
	}
	return false;
}

static void welcome(struct service *s, struct pb_socket *caller)
{
	union pb_addr peer;
	socklen_t len = sizeof peer;

	memset(&peer, 0, sizeof peer);
	if (pb_getpeername(caller, &peer.sa, &len) < 0) { /* already gone */
		pb_close(caller);
		return;
	}
	if (!admit(s, caller, &peer))
		return;
	struct conn *c = conn_new(s, caller, &peer, census_number(s->server->census));
	if (!c) {
		census_leave(s->server->census, s->index, &peer);
		log_refused(s, &peer, "out of memory");
		refuse(caller);
		return;
	}
	if (s->kind->accepted)
		s->kind->accepted(c);
}

static void on_retry(struct pb_timer *t)
{
	struct listener *l = container_of(t, struct listener, retry);

	pb_watch_want(&l->watch, POLLIN);
}

/* Out of descriptors or memory: callers wait in the backlog while connections end. Said once, not each time. */
static void pause_accepting(struct listener *l, int rc)
{
	struct server *s = l->service->server;
	char addr[PB_ADDR_TEXT];

	if (!l->pausing)
		log_say(s->log, "cannot accept on %s: %s; callers wait", pb_addr_text(&l->local, addr),
			strerror(-rc));
	l->pausing = true;
	pb_watch_want(&l->watch, 0);
	pb_timer_set(s->loop, &l->retry, pb_loop_now(s->loop) + ACCEPT_PAUSE);
}

static bool is_exhaustion(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

/* Welcome those who wait, but so many at most. 0, or -errno of what is exhausted. */
static int accept_callers(struct listener *l, int max)
{
	struct pb_socket *caller;
	int rc = 0;

	/* An error that is not exhaustion is that of one connection, which is gone: accept(2). */
	for (int i = 0; i < max && rc != -EAGAIN; i++) {
		rc = pb_accept(l->socket, &caller);
		if (rc == 0) {
			l->pausing = false;
			welcome(l->service, caller);
		} else if (is_exhaustion(-rc)) {
			return rc;
		}
	}
	return 0;
}

static void on_caller(struct pb_watch *w, int ready)
{
	struct listener *l = container_of(w, struct listener, watch);
	int rc = accept_callers(l, ACCEPTS_A_TURN);

	(void)ready;
	if (rc < 0)
		pause_accepting(l, rc);
}

static void on_datagram(struct pb_watch *w, int ready)
{
	(void)ready;
	datagram_receive(container_of(w, struct listener, watch));
}

/* Running ----------------------------------------------------------------------------------------------------- */

static void reset_all(struct server *s)
{
	list_each_safe (l, &s->conns)
		conn_reset(container_of(l, struct conn, link), "server stopped");
	linger_end_all(&s->lingering);
}

static void on_grace_over(struct pb_timer *t)
{
	struct server *s = container_of(t, struct server, grace_timer);

	reset_all(s);
}

int server_start(struct server *s, struct pb_loop *loop, unsigned worker)
{
	s->loop = loop;
	s->lingering.loop = loop;
	s->lingering.scratch = s->scratch;
	s->grace_timer.fn = on_grace_over;
	census_begin(s->census, worker);
	int rc = pb_loop_add_net(loop, s->net);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < s->service_count; i++) {
		struct service *service = &s->services[i];
		rc = service->kind->start ? service->kind->start(service, loop) : 0;
		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; i < s->listener_count; i++) {
		struct listener *l = &s->listeners[i];
		l->retry.fn = on_retry;
		rc = pb_watch_socket(loop, &l->watch, l->socket, POLLIN,
				     l->type == SOCK_STREAM ? on_caller : on_datagram);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * Whoever has called before the server was told to stop is heard: closing the listening socket would reset those whose
 * handshake is done. At most a backlog of them, so that callers who keep coming do not hold us up.
 */
static void accept_waiting(struct server *s)
{
	for (size_t i = 0; i < s->listener_count; i++) {
		struct listener *l = &s->listeners[i];
		int rc = l->type == SOCK_STREAM ? accept_callers(l, BACKLOG + 1) : 0;
		if (rc < 0)
			log_say(s->log, "stopping: callers who wait are lost: %s", strerror(-rc));
	}
}

void server_stop_listening(struct server *s)
{
	for (size_t i = 0; s->loop && i < s->service_count; i++)
		if (s->services[i].kind->unlisten)
			s->services[i].kind->unlisten(&s->services[i]);
	for (size_t i = 0; i < s->listener_count; i++) {
		struct listener *l = &s->listeners[i];
		if (s->loop)
			pb_timer_stop(s->loop, &l->retry);
		pb_watch_stop(&l->watch);
		pb_close(l->socket);
	}
	s->listener_count = 0;
}

bool server_drained(const struct server *s)
{
	return s->draining && list_empty(&s->conns) && s->lingering.count == 0;
}

/* Whoever stopped the server learns what it is waiting for. */
static void tell_who_is_left(struct server *s)
{
	size_t conns = 0;

	for (size_t i = 0; i < s->service_count; i++)
		conns += s->services[i].conns;
	if (conns)
		log_say(s->log,
			"stopping: connections that may finish within %g s: %zu (a second SIGINT ends them "
			"at once)",
			(double)s->grace / 1e9, conns);
}

void server_drain(struct server *s)
{
	if (s->draining)
		return;
	s->draining = true;
	accept_waiting(s);
	server_stop_listening(s);
	pb_timer_set(s->loop, &s->grace_timer, pb_loop_now(s->loop) + s->grace);
	list_each_safe (l, &s->conns) {
		struct conn *c = container_of(l, struct conn, link);
		if (c->service->kind->drain)
			c->service->kind->drain(c);
		else
			conn_close(c, "server stopped");
	}
	tell_who_is_left(s);
}

void server_hurry(struct server *s)
{
	reset_all(s);
}

void server_stop(struct server *s)
{
	server_stop_listening(s);
	reset_all(s);
	if (!s->loop)
		return;
	for (size_t i = 0; i < s->service_count; i++)
		if (s->services[i].kind->stop)
			s->services[i].kind->stop(&s->services[i]);
	pb_timer_stop(s->loop, &s->grace_timer);
	s->loop = NULL;
}

void server_free(struct server *s)
{
	server_stop(s);
	for (size_t i = 0; i < s->service_count; i++) {
		struct service *service = &s->services[i];
		if (service->config && service->kind->release)
			service->kind->release(service);
		access_free(service->access);
		sign_key_wipe(&service->sign_key);
		spec_free(&s->specs[i]);
	}
	census_free(s->census);
	free(s->services);
	free(s->specs);
	free(s->listeners);
	free(s->senders);
	free(s->scratch);
	free(s);
}
