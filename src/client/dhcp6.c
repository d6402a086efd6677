#include "client/dhcp6.h"

#include "base/list.h"
#include "base/rng.h"
#include "client/dhcp_port.h"
#include "wire/dhcp6.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdlib.h>

/* RFC 8415 §7.6 */
#define DELAY_MAX       PB_SEC(1) /* INF_MAX_DELAY: not all hosts at once */
#define TIMEOUT_FIRST   PB_SEC(1) /* INF_TIMEOUT */
#define TIMEOUT_MAX     3600      /* INF_MAX_RT, seconds */
#define REFRESH_DEFAULT 86400     /* IRT_DEFAULT, seconds */
#define REFRESH_LEAST   600       /* IRT_MINIMUM */

/* RFC 8415 §21.25: other values of INF_MAX_RT are not believed. */
#define TIMEOUT_MAX_LEAST 60
#define TIMEOUT_MAX_MOST  86400

#define ELAPSED_UNIT PB_MSEC(10) /* RFC 8415 §21.9 */

enum state { IDLE, DELAYED, ASKING, INFORMED };

struct dhcp6 {
	struct dhcp_port port;
	struct pb_socket *advertisements; /* of routers: raw ICMPv6 */
	struct pb_watch watch;
	struct rng rng;
	enum state state;
	pb_time began, timeout;
	uint32_t timeout_max, xid;
	struct leased_names names;
};

static pb_time now_of(const struct dhcp6 *d)
{
	return pb_loop_now(d->port.loop);
}

/*
 * Asking ---------------------------------------------------------------------------------------------------
 */

static void send_request(struct dhcp6 *d)
{
	union pb_addr to = {
		.v6 = {.sin6_family = AF_INET6,
                       .sin6_port = htons(DHCP6_SERVER_PORT),
                       /* RFC 8415 §7.1: All_DHCP_Relay_Agents_and_Servers, ff02::1:2 */
			.sin6_addr.s6_addr = { 0xff, 2, [13] = 1, [15] = 2 },
                       .sin6_scope_id = d->port.interface}
	};
	pb_time elapsed = (now_of(d) - d->began) / ELAPSED_UNIT;
	struct dhcp6_message m = { .type = DHCP6_INFORMATION_REQUEST,
				   .xid = d->xid,
				   .elapsed = elapsed < UINT16_MAX ? (uint16_t)elapsed : UINT16_MAX };
	uint8_t bytes[DHCP6_LEN_MAX];
	struct writer w = { .p = bytes, .left = sizeof bytes };

	if (pb_dhcp6_write(&m, &w)) /* what is lost is sent again, whatever was wrong */
		pb_sendto(d->port.socket, bytes, sizeof bytes - w.left, 0, &to.sa, pb_addr_len(&to));
}

/* RFC 8415 §15: about so long, RAND being a tenth more or less. */
static pb_time jitter(struct dhcp6 *d, pb_time time)
{
	return (pb_time)pb_rng_below(&d->rng, (uint64_t)time / 5 + 1) - time / 10;
}

/* RFC 8415 §15: each wait is twice the one before, up to a most. */
static void ask(struct dhcp6 *d)
{
	pb_time most = PB_SEC((pb_time)d->timeout_max);

	if (d->state == DELAYED) {
		d->state = ASKING;
		d->began = now_of(d);
		d->timeout = TIMEOUT_FIRST + jitter(d, TIMEOUT_FIRST);
	} else {
		d->timeout = 2 * d->timeout + jitter(d, d->timeout);
		if (d->timeout > most)
			d->timeout = most + jitter(d, most);
	}
	send_request(d);
	pb_timer_set(d->port.loop, &d->port.timer, now_of(d) + d->timeout);
}

static void begin(struct dhcp6 *d, pb_time delay)
{
	d->state = DELAYED;
	d->xid = (uint32_t)pb_rng_next(&d->rng) & 0xffffff;
	pb_timer_set(d->port.loop, &d->port.timer, now_of(d) + delay);
}

static pb_time random_delay(struct dhcp6 *d)
{
	return (pb_time)pb_rng_below(&d->rng, (uint64_t)DELAY_MAX + 1);
}

static void on_time(struct pb_timer *t)
{
	struct dhcp6 *d = container_of(container_of(t, struct dhcp_port, timer), struct dhcp6, port);

	if (d->state == INFORMED)
		begin(d, random_delay(d)); /* RFC 8415 §21.23: it is to be asked for anew */
	else
		ask(d);
}

/*
 * Hearing --------------------------------------------------------------------------------------------------
 */

/* RFC 8415 §16.10; a reply to whom has said who he is, is not for us. */
static bool is_for_us(const struct dhcp6 *d, const struct dhcp6_message *m)
{
	return d->state == ASKING && m->type == DHCP6_REPLY && m->xid == d->xid && m->has_server &&
	       !m->has_client && m->status == 0;
}

static void take_names(struct dhcp6 *d, const struct dhcp6_message *m)
{
	leased_names_drop(&d->names, d->port.stack);
	for (unsigned n = 0; n < m->server_count; n++) {
		union pb_addr addr;
		struct ip server = ip_in_zone(&m->servers[n], d->port.interface);
		pb_ip_to_sockaddr(&addr, &server, 0, AF_INET6);
		leased_names_add_server(&d->names, d->port.stack, &addr.sa);
	}
	for (unsigned n = 0; n < m->domain_count; n++)
		leased_names_add_domain(&d->names, d->port.stack, m->domains[n]);
}

/* RFC 8415 §21.23, §18.2.10 */
static void take_reply(struct dhcp6 *d, const struct dhcp6_message *m)
{
	uint32_t refresh = m->refresh ? m->refresh : REFRESH_DEFAULT;

	d->state = INFORMED;
	take_names(d, m);
	if (m->timeout_max >= TIMEOUT_MAX_LEAST && m->timeout_max <= TIMEOUT_MAX_MOST)
		d->timeout_max = m->timeout_max;
	if (refresh < REFRESH_LEAST)
		refresh = REFRESH_LEAST;
	if (refresh == DHCP6_FOREVER)
		pb_timer_stop(d->port.loop, &d->port.timer);
	else
		pb_timer_set(d->port.loop, &d->port.timer, now_of(d) + PB_SEC((pb_time)refresh));
}

static void on_message(struct pb_watch *w, int ready)
{
	struct dhcp6 *d = container_of(container_of(w, struct dhcp_port, watch), struct dhcp6, port);
	uint8_t bytes[1500];
	ssize_t n;

	(void)ready;
	while ((n = pb_recv(d->port.socket, bytes, sizeof bytes, 0)) >= 0) {
		struct dhcp6_message m;
		if (pb_dhcp6_parse(&m, &(struct reader){ .p = bytes, .left = (size_t)n }) && is_for_us(d, &m))
			take_reply(d, &m);
	}
}

/*
 * Routers --------------------------------------------------------------------------------------------------
 */

static void heed_routers(struct dhcp6 *d)
{
	if (d->state == IDLE && pb_stack_advises_dhcp6(d->port.stack, d->port.interface))
		begin(d, random_delay(d));
}

/* The stack has read it before us: it is asked what it made of it. */
static void on_advertisement(struct pb_watch *w, int ready)
{
	struct dhcp6 *d = container_of(w, struct dhcp6, watch);
	uint8_t bytes[64];

	(void)ready;
	while (pb_recv(d->advertisements, bytes, sizeof bytes, 0) >= 0)
		;
	heed_routers(d);
}

static int open_advertisements(struct dhcp6 *d)
{
	struct icmp6_filter filter;
	int rc = pb_socket_open(pb_stack_net(d->port.stack), AF_INET6, SOCK_RAW, IPPROTO_ICMPV6,
				&d->advertisements);

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
	if (rc == 0)
		rc = pb_setsockopt(d->advertisements, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
	if (rc == 0)
		rc = pb_watch_socket(d->port.loop, &d->watch, d->advertisements, POLLIN, on_advertisement);
	return rc;
}

/*
 * Beginning and end ----------------------------------------------------------------------------------------
 */

int dhcp6_new(struct pb_stack *stack, unsigned interface, struct pb_loop *loop, struct dhcp6 **dhcp)
{
	const struct pb_device *device = pb_stack_device(stack, interface);
	uint8_t seed[16];
	int rc = device && device->ethernet ? pb_seed_random(seed) : -EINVAL;
	struct dhcp6 *d = rc < 0 ? NULL : calloc(1, sizeof *d);

	if (!d)
		return rc < 0 ? rc : -ENOMEM;
	d->port = (struct dhcp_port){
		.stack = stack, .interface = interface, .loop = loop, .timer = { .fn = on_time }
	};
	d->timeout_max = TIMEOUT_MAX;
	d->rng = pb_rng_derive(seed, "dhcp6");
	rc = dhcp_port_open(&d->port, AF_INET6, DHCP6_CLIENT_PORT, on_message);
	if (rc == 0)
		rc = open_advertisements(d);
	if (rc < 0) {
		dhcp6_free(d);
		return rc;
	}
	*dhcp = d;
	heed_routers(d);
	return 0;
}

void dhcp6_move(struct dhcp6 *d, struct pb_loop *loop)
{
	if (d->port.loop)
		pb_watch_stop(&d->watch);
	dhcp_port_move(&d->port, loop);
	if (loop)
		pb_watch_socket(loop, &d->watch, d->advertisements, POLLIN, on_advertisement);
}

void dhcp6_free(struct dhcp6 *d)
{
	if (!d)
		return;
	leased_names_drop(&d->names, d->port.stack);
	pb_watch_stop(&d->watch);
	pb_close(d->advertisements);
	dhcp_port_close(&d->port);
	free(d);
}

bool dhcp6_is_waiting(const struct dhcp6 *d)
{
	return d->state == DELAYED || d->state == ASKING;
}
