/*
 * relay: whoever calls here talks to another host and port.
 *
 * Connections are in relay_tcp.c and datagrams in relay_udp.c. The other host is reached over the net on which the
 * caller came.
 */
#include "service/relay.h"

#include "kernel/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIME PB_SEC(10)
#define SESSIONS     1024
#define SESSIONS_MAX 65536

/* HOST:PORT or [ADDRESS]:PORT. */
static bool parse_target(struct relay *r, const char *text, struct spec_error *error)
{
	const char *host = text, *colon = strrchr(text, ':'), *end = colon;

	if (!colon || colon == text)
		return spec_fail(error, "to=%s: not HOST:PORT; for example to=10.0.0.5:5432", text);
	if (*text == '[') {
		host++;
		end--;
		if (*end != ']')
			return spec_fail(error, "to=%s: not [ADDRESS]:PORT; for example to=[::1]:5432", text);
	}
	size_t len = (size_t)(end - host);
	if (host == text && memchr(host, ':', len))
		return spec_fail(
			error, "to=%s: an IPv6 address stands in brackets; for example to=[::1]:5432", text);
	if (len == 0 || len >= sizeof r->host)
		return spec_fail(error, "to=%s: a host's name has 1 to %d characters", text,
				 RESOLVE_NAME_MAX - 1);
	memcpy(r->host, host, len);
	r->host[len] = '\0';
	if (!registry_port(colon + 1, NULL, &r->port) || r->port == 0)
		return spec_fail(error,
				 "to=%s: '%s' is not a port: a number from 1 to 65535, or a registered name",
				 text, colon + 1);
	return true;
}

static bool read_spec(struct relay *r, const struct spec *spec, struct spec_error *error)
{
	const char *to = spec_get(spec, "to");

	if (!to)
		return spec_fail(
			error,
			"to whom? to=HOST:PORT is missing; for example relay://:9000,to=10.0.0.5:5432");
	return parse_target(r, to, error) &&
	       spec_time(spec, "connect-time", PB_MSEC(100), PB_SEC(3600), &r->connect_time, error) &&
	       spec_number(spec, "sessions", 1, SESSIONS_MAX, &r->sessions_max, error);
}

static bool relay_configure(struct service *s, struct spec_error *error)
{
	struct relay *r = calloc(1, sizeof *r);

	if (!r)
		return spec_fail(error, "out of memory");
	s->config = r;
	r->connect_time = CONNECT_TIME;
	r->sessions_max = SESSIONS;
	return read_spec(r, s->spec, error); /* if not, release() is called all the same */
}

static void relay_release(struct service *s)
{
	free(s->config);
}

static int relay_start(struct service *s, struct pb_loop *loop)
{
	struct relay *r = s->config;
	int rc = resolver_new(loop, service_net(s), &r->resolver);

	if (rc < 0)
		return rc;
	r->loop = loop;
	r->sessions = relay_sessions_new(s);
	return r->sessions ? 0 : -ENOMEM;
}

/* Answers leave through the listening socket, so its end is the end of the sessions. */
static void relay_unlisten(struct service *s)
{
	struct relay *r = s->config;

	relay_sessions_free(r->sessions);
	r->sessions = NULL;
}

static void relay_stop(struct service *s)
{
	struct relay *r = s->config;

	resolver_free(r->resolver);
	r->resolver = NULL;
}

const char *relay_forbids(const struct service *s, int type, const union pb_addr *addr)
{
	return service_listens_at(s, type, addr) ? "that is this relay itself: see to=" : NULL;
}

static void relay_received(struct service *s, const struct datagram *d)
{
	struct relay *r = s->config;

	relay_sessions_received(r->sessions, d);
}

static const struct spec_key relay_keys[] = {
	{"connect-time", "TIME",      "how long the other side may take to answer a call (10s)"     },
	{ "sessions",    "NUMBER",    "UDP clients at a time; the one idle longest gives way (1024)"},
	{ "to",          "HOST:PORT", "where to pass calls on to; a name is looked up at each call" },
	{ NULL,          NULL,        NULL							  },
};

extern const struct service_kind service_relay;
const struct service_kind service_relay = {
	.name = "relay",
	.summary = "passes calls on to another host and port",
	.example = "relay://:9000,to=10.0.0.5:5432",
	.stream = true,
	.datagram = true,
	.keys = relay_keys,
	.configure = relay_configure,
	.release = relay_release,
	.start = relay_start,
	.unlisten = relay_unlisten,
	.stop = relay_stop,
	.conn_size = sizeof(struct relay_conn),
	.accepted = relay_conn_accepted,
	.ready = relay_conn_ready,
	.drain = relay_conn_drain,
	.idle = relay_conn_idle,
	.closed = relay_conn_closed,
	.received = relay_received,
};
