#include "client/dhcp.h"

#include "base/list.h"
#include "base/rng.h"
#include "client/dhcp_port.h"
#include "wire/dhcp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define RESEND_FIRST PB_SEC(4) /* RFC 2131 §4.1: 4, 8, 16, 32, 64 seconds, each a second more or less */
#define RESEND_MAX   PB_SEC(64)
#define RENEW_LEAST  PB_SEC(60) /* RFC 2131 §4.4.5: half of what is left, but no less */
#define LEASE_LEAST  20 /* seconds, as dhcpcd's: a shorter one would have to be renewed at once, for ever */

/* RFC 2131 §4.4, figure 5 */
enum state { SELECTING, REQUESTING, BOUND, RENEWING, REBINDING };

struct dhcp {
	struct dhcp_port port;
	struct rng rng;
	enum state state;
	pb_time began, resend;
	uint32_t xid;
	struct dhcp_message offer;            /* what was chosen, then what was granted */
	pb_time renew_at, rebind_at, ends_at; /* PB_NEVER: a lease without end */
	bool has_address, has_route;
	struct leased_names names;
};

static pb_time now_of(const struct dhcp *d)
{
	return pb_loop_now(d->port.loop);
}

static union pb_addr sockaddr_of(const struct ip *a, uint16_t port)
{
	union pb_addr addr;

	pb_ip_to_sockaddr(&addr, a, port, AF_INET);
	return addr;
}

/*
 * What the lease is for ------------------------------------------------------------------------------------
 */

static void drop_lease(struct dhcp *d)
{
	union pb_addr all = pb_addr_any(AF_INET), addr = sockaddr_of(&d->offer.yours, 0);

	if (d->has_route)
		pb_stack_remove_route(d->port.stack, &all.sa, 0);
	if (d->has_address)
		pb_stack_remove_address(d->port.stack, d->port.interface, &addr.sa);
	d->has_route = d->has_address = false;
	leased_names_drop(&d->names, d->port.stack);
}

static void use_names(struct dhcp *d, const struct dhcp_message *ack)
{
	leased_names_drop(&d->names, d->port.stack);
	for (unsigned n = 0; n < ack->server_count; n++) {
		union pb_addr server = sockaddr_of(&ack->servers[n], 0);
		leased_names_add_server(&d->names, d->port.stack, &server.sa);
	}
	for (unsigned n = 0; n < ack->domain_count; n++)
		leased_names_add_domain(&d->names, d->port.stack, ack->domains[n]);
}

static void use_lease(struct dhcp *d, const struct dhcp_message *ack)
{
	union pb_addr all = pb_addr_any(AF_INET), addr = sockaddr_of(&ack->yours, 0),
		      router = sockaddr_of(&ack->router, 0);

	if (d->has_address && !ip_equal(&d->offer.yours, &ack->yours))
		drop_lease(d);
	d->offer = *ack;
	if (!d->has_address)
		d->has_address = pb_stack_add_address(d->port.stack, d->port.interface, &addr.sa,
						      ack->bits ? ack->bits : 32, PB_USE_AT_ONCE) == 0;
	if (!d->has_route && !ip_is_any(&ack->router))
		d->has_route =
			pb_stack_add_route(d->port.stack, &all.sa, 0, &router.sa, d->port.interface) == 0;
	use_names(d, ack);
}

/*
 * Asking ---------------------------------------------------------------------------------------------------
 */

/* RFC 2131 §4.3.2, table 4: which fields say what in each state. */
static struct dhcp_message message_for(const struct dhcp *d)
{
	bool has_address = d->state == RENEWING || d->state == REBINDING;
	struct ip none = ip_from4((const uint8_t[4]){ 0 });
	struct dhcp_message m = { .type = d->state == SELECTING ? DHCP_DISCOVER : DHCP_REQUEST,
				  .xid = d->xid,
				  .secs = (uint16_t)((now_of(d) - d->began) / PB_SEC(1)),
				  .broadcast = !has_address,
				  .client = has_address ? d->offer.yours : none,
				  .server = none,
				  .requested = none };

	memcpy(m.mac, pb_stack_device(d->port.stack, d->port.interface)->mac, sizeof m.mac);
	if (d->state == REQUESTING) {
		m.server = d->offer.server;
		m.requested = d->offer.yours;
	}
	return m;
}

static void send_message(struct dhcp *d)
{
	static const uint8_t everybody[4] = { 255, 255, 255, 255 };
	struct dhcp_message m = message_for(d);
	uint8_t bytes[DHCP_LEN_MIN];
	struct writer w = { .p = bytes, .left = sizeof bytes };
	struct ip to = d->state == RENEWING ? d->offer.server : ip_from4(everybody);
	union pb_addr addr = sockaddr_of(&to, DHCP_SERVER_PORT);

	if (pb_dhcp_write(&m, &w)) /* what is lost is sent again, whatever was wrong */
		pb_sendto(d->port.socket, bytes, sizeof bytes, 0, &addr.sa, pb_addr_len(&addr));
}

static pb_time next_resend(struct dhcp *d)
{
	pb_time wait = d->resend - PB_SEC(1) + (pb_time)pb_rng_below(&d->rng, (uint64_t)PB_SEC(2) + 1);

	d->resend = d->resend * 2 < RESEND_MAX ? d->resend * 2 : RESEND_MAX;
	return now_of(d) + wait;
}

/* RFC 2131 §4.4.5: with an address, half of the time that is left. */
static pb_time next_renewal(const struct dhcp *d, pb_time end)
{
	pb_time half = (end - now_of(d)) / 2, wait = half > RENEW_LEAST ? half : RENEW_LEAST;

	return now_of(d) + wait < end ? now_of(d) + wait : end;
}

static void enter(struct dhcp *d, enum state state)
{
	d->state = state;
	d->resend = RESEND_FIRST;
}

/* A new conversation, of which nothing is said yet. */
static void prepare(struct dhcp *d)
{
	enter(d, SELECTING);
	d->began = now_of(d);
	d->xid = (uint32_t)pb_rng_next(&d->rng);
	pb_timer_set(d->port.loop, &d->port.timer, next_resend(d));
}

static void begin(struct dhcp *d)
{
	prepare(d);
	send_message(d);
}

/* No answer to a request, for longer than a minute: whoever made the offer is not there (RFC 2131 §3.1, 5). */
static void ask_again(struct dhcp *d)
{
	if (d->state == REQUESTING && d->resend >= RESEND_MAX) {
		begin(d);
		return;
	}
	send_message(d);
	pb_timer_set(d->port.loop, &d->port.timer, next_resend(d));
}

static void renew(struct dhcp *d)
{
	pb_time now = now_of(d);

	if (now >= d->ends_at) {
		drop_lease(d);
		begin(d);
		return;
	}
	if (d->state == BOUND) {
		d->began = now;
		d->xid = (uint32_t)pb_rng_next(&d->rng);
	}
	d->state = now >= d->rebind_at ? REBINDING : RENEWING;
	send_message(d);
	pb_timer_set(d->port.loop, &d->port.timer,
		     next_renewal(d, d->state == RENEWING ? d->rebind_at : d->ends_at));
}

static void on_time(struct pb_timer *t)
{
	struct dhcp *d = container_of(container_of(t, struct dhcp_port, timer), struct dhcp, port);

	if (d->state == SELECTING || d->state == REQUESTING)
		ask_again(d);
	else
		renew(d);
}

/*
 * Hearing --------------------------------------------------------------------------------------------------
 */

static pb_time after(const struct dhcp *d, uint64_t seconds)
{
	return now_of(d) + PB_SEC((pb_time)seconds);
}

/* RFC 2131 §4.4.5: times that were not told, or make no sense, are half and seven eighths. */
static void take_ack(struct dhcp *d, const struct dhcp_message *m)
{
	uint32_t lease = m->lease > LEASE_LEAST ? m->lease : LEASE_LEAST,
		 rebind = m->rebind && m->rebind < lease ? m->rebind : lease / 8 * 7 + lease % 8 * 7 / 8,
		 renew_after = m->renew && m->renew < rebind ? m->renew : lease / 2;

	use_lease(d, m);
	d->state = BOUND;
	pb_timer_stop(d->port.loop, &d->port.timer);
	d->renew_at = d->rebind_at = d->ends_at = PB_NEVER;
	if (lease == DHCP_FOREVER)
		return;
	d->renew_at = after(d, renew_after);
	d->rebind_at = after(d, rebind);
	d->ends_at = after(d, lease);
	pb_timer_set(d->port.loop, &d->port.timer, d->renew_at);
}

static bool is_usable(const struct dhcp_message *m)
{
	return m->lease && ip_is4(&m->yours) && !ip_is_any(&m->yours) && !ip_is_multicast(&m->yours) &&
	       !ip_is_loopback(&m->yours) && !ip_is_any(&m->server);
}

static void take_offer(struct dhcp *d, const struct dhcp_message *m)
{
	if (d->state != SELECTING || !is_usable(m))
		return;
	d->offer = *m;
	enter(d, REQUESTING);
	send_message(d);
	pb_timer_set(d->port.loop, &d->port.timer, next_resend(d));
}

static void take(struct dhcp *d, const struct dhcp_message *m)
{
	bool expecting = d->state == REQUESTING || d->state == RENEWING || d->state == REBINDING;
	bool from_server = d->state == REBINDING || ip_equal(&m->server, &d->offer.server);

	if (m->type == DHCP_OFFER) {
		take_offer(d, m);
	} else if (m->type == DHCP_ACK && expecting && from_server && is_usable(m)) {
		take_ack(d, m);
	} else if (m->type == DHCP_NAK && expecting && from_server) {
		drop_lease(d);
		prepare(d); /* in a few seconds: a server that offers and refuses would else keep us busy */
	}
}

static void on_message(struct pb_watch *w, int ready)
{
	struct dhcp *d = container_of(container_of(w, struct dhcp_port, watch), struct dhcp, port);
	uint8_t bytes[1500];
	ssize_t n;

	(void)ready;
	while ((n = pb_recv(d->port.socket, bytes, sizeof bytes, 0)) >= 0) {
		struct reader r = { .p = bytes, .left = (size_t)n };
		struct dhcp_message m;
		const uint8_t *mac = pb_stack_device(d->port.stack, d->port.interface)->mac;
		if (pb_dhcp_parse(&m, &r) && m.reply && m.xid == d->xid &&
		    memcmp(m.mac, mac, sizeof m.mac) == 0)
			take(d, &m);
	}
}

/*
 * Beginning and end ----------------------------------------------------------------------------------------
 */

int dhcp_new(struct pb_stack *stack, unsigned interface, struct pb_loop *loop, struct dhcp **dhcp)
{
	const struct pb_device *device = pb_stack_device(stack, interface);
	uint8_t seed[16];
	int rc = device && device->ethernet ? pb_seed_random(seed) : -EINVAL;
	struct dhcp *d = rc < 0 ? NULL : calloc(1, sizeof *d);

	if (!d)
		return rc < 0 ? rc : -ENOMEM;
	d->port = (struct dhcp_port){
		.stack = stack, .interface = interface, .loop = loop, .timer = { .fn = on_time }
	};
	d->rng = pb_rng_derive(seed, "dhcp");
	rc = dhcp_port_open(&d->port, AF_INET, DHCP_CLIENT_PORT, on_message);
	if (rc < 0) {
		dhcp_free(d);
		return rc;
	}
	*dhcp = d;
	begin(d);
	return 0;
}

void dhcp_move(struct dhcp *d, struct pb_loop *loop)
{
	dhcp_port_move(&d->port, loop);
}

void dhcp_free(struct dhcp *d)
{
	if (!d)
		return;
	dhcp_port_close(&d->port);
	drop_lease(d);
	free(d);
}

bool dhcp_is_bound(const struct dhcp *d)
{
	return d->has_address;
}
