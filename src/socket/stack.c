/*
 * A stack: the one file that knows every layer. Frames climb here: each layer answers what became of a
 * packet, and this file hands it on.
 */
#include "net/loopback.h"
#include "net/rarp.h"
#include "socket/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define MEMORY_DEFAULT    ((size_t)256 * 1024 * 1024)
#define UDP_CONNECTED_MAX 1048576
#define FRAMES_A_BATCH    64 /* of one interface, before TCP answers them */
#define BATCHES_A_POLL    64 /* before the caller has its say again */

static const struct pb_net_ops stack_ops;

int pb_seed_random(uint8_t seed[16])
{
	return getrandom(seed, 16, 0) == 16 ? 0 : -errno;
}

struct pb_net *pb_stack_net(struct pb_stack *s)
{
	return &s->net;
}

struct pb_stack *pb_stack_of(struct pb_net *net)
{
	return net->ops == &stack_ops ? (struct pb_stack *)net : NULL;
}

struct pb_pool *pb_stack_pool(struct pb_stack *s)
{
	return s->env.pool;
}

const struct pb_counters *pb_stack_counters(const struct pb_stack *s)
{
	return &s->env.counters;
}

/*
 * Beginning and end
 * -------------------------------------------------------------------------------------------------
 */

static int open_env(struct env *env, const struct pb_stack_options *o)
{
	pb_timers_init(&env->timers, o->now);
	env->rng = pb_rng_derive(o->seed, "stack");
	list_init(&env->ready);
	env->pool = pb_pool_new(o->memory_max ? o->memory_max : MEMORY_DEFAULT);
	return env->pool ? 0 : -ENOMEM;
}

void stack_set_ecn(struct pb_stack *s, enum pb_ecn ecn)
{
	static const struct {
		enum ecn_kind accepted, asked;
	} kinds[] = {
		[PB_ECN_WHEN_ASKED] = {ECN_CLASSIC,   ECN_NONE    },
		[PB_ECN_OFF] = { ECN_NONE,     ECN_NONE    },
		[PB_ECN_ASK] = { ECN_CLASSIC,  ECN_CLASSIC },
		[PB_ECN_ACCURATE] = { ECN_ACCURATE, ECN_ACCURATE},
		[PB_ECN_ACCURATE_ASK_CLASSIC] = { ECN_ACCURATE, ECN_CLASSIC },
		[PB_ECN_ACCURATE_WHEN_ASKED] = { ECN_ACCURATE, ECN_NONE    },
	};

	s->tcp->limits.ecn_accepted = kinds[ecn].accepted;
	s->tcp->limits.ecn_asked = kinds[ecn].asked;
}

static int open_layers(struct pb_stack *s, const struct pb_stack_options *o)
{
	struct internet_limits net = { .neighbours_max = o->neighbours_max,
				       .reassembly_bytes = o->reassembly_bytes,
				       .errors_per_second = o->icmp_errors_per_second };
	struct tcp_limits tcp = { .connections_max = o->connections_max,
				  .time_waits_max = o->time_waits_max,
				  .syns_max = o->syns_max,
				  .orphans_max = o->orphans_max,
				  .send_buffer_max = o->send_buffer_max,
				  .receive_buffer_max = o->receive_buffer_max,
				  .no_scaling = o->no_window_scaling,
				  .no_timestamps = o->no_timestamps,
				  .no_sack = o->no_sack,
				  .mtu_probing = (enum plpmtud_mode)o->mtu_probing,
				  .base_mss = o->base_mss,
				  .notsent_lowat = o->notsent_lowat,
				  .no_fast_open = o->no_fast_open,
				  .fast_open_peers_max = o->fast_open_peers_max,
				  .unpaced = o->unpaced,
				  .idle_after = o->idle_after };
	int rc = pb_internet_new(&s->env, &net, &s->internet);

	if (rc == 0)
		rc = pb_tcp_new(&s->env, s->internet, &tcp, &s->tcp);
	if (rc == 0) {
		s->tcp->owner_entry = offsetof(struct stream, conn);
		stack_set_ecn(s, o->ecn);
	}
	if (rc == 0)
		rc = pb_udp_init(&s->udp, &s->env, s->internet, UDP_CONNECTED_MAX);
	if (rc == 0)
		pb_raw_init(&s->raw, &s->env, s->internet);
	return rc;
}

static void stack_close(struct pb_net *net)
{
	struct pb_stack *s = (struct pb_stack *)net;

	pb_udp_fini(&s->udp);
	if (s->tcp)
		pb_tcp_free(s->tcp);
	if (s->internet)
		pb_internet_free(s->internet);
	pb_pool_free(s->env.pool);
	free(s);
}

int pb_stack_new(const struct pb_stack_options *options, struct pb_stack **stack)
{
	struct pb_stack *s = calloc(1, sizeof *s);
	int rc = s ? open_env(&s->env, options) : -ENOMEM;

	*stack = NULL;
	if (rc == 0) {
		s->net.ops = &stack_ops;
		rc = open_layers(s, options);
	}
	if (rc < 0) {
		if (s)
			stack_close(&s->net);
		return rc;
	}
	*stack = s;
	return 0;
}

/*
 * Interfaces, addresses, routes
 * --------------------------------------------------------------------------------------
 */

int pb_stack_attach(struct pb_stack *s, struct pb_device *device, const char *name)
{
	struct iface *i;
	int rc = strlen(name) < IFACE_NAME_MAX ? pb_internet_attach(s->internet, device, name, &i)
					       : -ENAMETOOLONG;

	if (rc < 0)
		return rc;
	s->holds_back |= device->ops->flush != NULL;
	return (int)i->index;
}

struct pb_device *pb_stack_device(struct pb_stack *s, unsigned index)
{
	struct iface *i = pb_internet_iface(s->internet, index);

	return i ? i->device : NULL;
}

/* An address and its interface, for the calls below. */
static int find_place(struct pb_stack *s, unsigned index, const struct sockaddr *sa, struct iface **i,
		      struct ip *a)
{
	uint16_t port;

	*i = pb_internet_iface(s->internet, index);
	if (!*i)
		return -ENODEV;
	socklen_t len = sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	return pb_ip_from_sockaddr(a, &port, sa, len) ? 0 : -EAFNOSUPPORT;
}

int pb_stack_add_address(struct pb_stack *s, unsigned index, const struct sockaddr *addr, unsigned bits,
			 enum pb_stack_probe probe)
{
	struct iface *i;
	struct ip a;
	int rc = find_place(s, index, addr, &i, &a);

	return rc < 0 ? rc : pb_internet_add_address(s->internet, i, &a, bits, probe == PB_USE_AT_ONCE);
}

int pb_stack_remove_address(struct pb_stack *s, unsigned index, const struct sockaddr *addr)
{
	struct iface *i;
	struct ip a;
	int rc = find_place(s, index, addr, &i, &a);

	return rc < 0 ? rc : pb_internet_remove_address(s->internet, i, &a);
}

int pb_stack_address_state(struct pb_stack *s, unsigned index, const struct sockaddr *addr)
{
	struct iface *i;
	struct ip a;
	int rc = find_place(s, index, addr, &i, &a);
	const struct iface_address *entry = rc < 0 ? NULL : pb_iface_address(i, &a);

	if (!entry)
		return rc < 0 ? rc : -EADDRNOTAVAIL;
	return entry->state == ADDRESS_TENTATIVE ? PB_ADDRESS_TENTATIVE
	       : entry->state == ADDRESS_READY   ? PB_ADDRESS_READY
						 : PB_ADDRESS_DUPLICATE;
}

int pb_stack_autoconfigure(struct pb_stack *s, unsigned index, enum pb_stack_auto kind)
{
	struct iface *i = pb_internet_iface(s->internet, index);

	return i ? pb_internet_autoconf(i, kind == PB_AUTO_TEMPORARY) : -ENODEV;
}

int pb_stack_add_route(struct pb_stack *s, const struct sockaddr *prefix, unsigned bits,
		       const struct sockaddr *gateway, unsigned index)
{
	struct iface *i;
	struct ip p, g;
	int rc = find_place(s, index, prefix, &i, &p);

	if (rc == 0 && gateway)
		rc = find_place(s, index, gateway, &i, &g);
	if (rc == 0 && bits > ip_bits(&p))
		rc = -EINVAL;
	return rc < 0 ? rc : pb_internet_add_route(s->internet, &p, bits, gateway ? &g : NULL, i);
}

int pb_stack_remove_route(struct pb_stack *s, const struct sockaddr *prefix, unsigned bits)
{
	struct iface *i;
	struct ip p;
	int rc = find_place(s, 1, prefix, &i, &p);

	return rc < 0 ? rc : pb_internet_remove_route(s->internet, &p, bits);
}

int pb_stack_rarp_ask(struct pb_stack *s, unsigned index, unsigned bits)
{
	struct iface *i = pb_internet_iface(s->internet, index);

	return i ? pb_rarp_ask(s->internet, i, bits) : -ENODEV;
}

int pb_stack_rarp_answer(struct pb_stack *s, const uint8_t mac[PB_MAC_LEN], const struct sockaddr *addr)
{
	struct ip a;
	uint16_t port;

	if (addr->sa_family != AF_INET || !pb_ip_from_sockaddr(&a, &port, addr, sizeof(struct sockaddr_in)))
		return -EAFNOSUPPORT;
	return pb_rarp_add_host(s->internet, mac, &a);
}

/*
 * Frames
 * ------------------------------------------------------------------------------------------------------------
 */

/* A packet that the internet layer has accepted: to whom it is addressed, and to those who watch. */
static void deliver(struct pb_stack *s, struct ip_packet *p)
{
	bool watched = !list_empty(&s->raw.endpoints) && pb_raw_input(&s->raw, p);

	if (p->protocol == IPPROTO_TCP) {
		pb_tcp_input(s->tcp, p);
	} else if (p->protocol == IPPROTO_UDP) {
		pb_udp_input(&s->udp, p);
	} else {
		if (!watched && p->protocol != (ip_is4(&p->dst) ? IPPROTO_ICMP : IPPROTO_ICMPV6))
			pb_icmp_protocol_unreachable(s->internet, p);
		pb_buf_free(p->buf);
	}
}

static void complain(struct pb_stack *s, struct ip_packet *p, const struct ip_error *e)
{
	pb_raw_input(&s->raw, p);
	if (e->protocol == IPPROTO_TCP)
		pb_tcp_complaint(s->tcp, e);
	else if (e->protocol == IPPROTO_UDP)
		pb_udp_complaint(&s->udp, e);
	pb_raw_complaint(&s->raw, e);
	pb_buf_free(p->buf);
}

static void input(struct pb_stack *s, struct iface *i, struct pb_buf *frame)
{
	struct ip_packet packet;
	struct ip_error error;

	switch (pb_internet_input(s->internet, i, frame, &packet, &error)) {
	case IP_DONE:
		break;
	case IP_DELIVER:
		deliver(s, &packet);
		break;
	case IP_COMPLAINT:
		complain(s, &packet, &error);
		break;
	}
}

void pb_stack_input(struct pb_stack *s, unsigned index, struct pb_buf *frame)
{
	struct iface *i = pb_internet_iface(s->internet, index);

	if (i)
		input(s, i, frame);
	else
		pb_buf_free(frame);
}

/* A batch of each interface's frames. Whether one of them had more. */
static bool receive(struct pb_stack *s, pb_time now)
{
	bool more = false;

	for (struct iface *i = pb_internet_ifaces(s->internet); i; i = i->next) {
		struct pb_device *d = i->device;
		struct pb_buf *frame;
		int n = 0;
		if (i->loopback && loopback_is_empty(d))
			continue;
		while (n < FRAMES_A_BATCH && (frame = d->ops->receive(d, now, s->env.pool))) {
			input(s, i, frame);
			n++;
		}
		more |= n == FRAMES_A_BATCH;
	}
	return more;
}

/* What devices held back to send it in one go. */
static void flush_devices(struct pb_stack *s, pb_time now)
{
	for (struct iface *i = pb_internet_ifaces(s->internet); i; i = i->next)
		if (i->device->ops->flush)
			i->device->ops->flush(i->device, now);
}

pb_time pb_stack_next(struct pb_stack *s)
{
	if (pb_tcp_has_pending(s->tcp))
		return 0;
	pb_time next = pb_timers_next(&s->env.timers);

	for (struct iface *i = pb_internet_ifaces(s->internet); i; i = i->next) {
		pb_time device = i->device->ops->next(i->device);
		next = device < next ? device : next;
	}
	return next;
}

/*
 * What frames give TCP to say is said in the next call, which is wanted at once: in between the application
 * has its turn, and what it answers carries the acknowledgements. Under a flood they are not kept back for
 * long.
 */
static void drive(struct pb_stack *s, pb_time now)
{
	pb_timers_run(&s->env.timers, now);
	pb_tcp_flush(s->tcp);
	for (int i = 0; receive(s, now) && i < BATCHES_A_POLL; i++)
		pb_tcp_flush(s->tcp);
	if (s->holds_back)
		flush_devices(s, now);
}

pb_time pb_stack_poll(struct pb_stack *s, pb_time now)
{
	drive(s, now);
	return pb_stack_next(s);
}

/*
 * The net
 * -----------------------------------------------------------------------------------------------------------
 */

static void stack_poll(struct pb_net *net, pb_time now)
{
	drive((struct pb_stack *)net, now);
}

static pb_time stack_next(struct pb_net *net)
{
	return pb_stack_next((struct pb_stack *)net);
}

/* An error or the end makes every call answer at once, so it is readable and writable, too. */
static struct pb_socket *stack_news(struct pb_net *net)
{
	struct env *env = &((struct pb_stack *)net)->env;

	while (!list_empty(&env->ready)) {
		struct readiness *r = container_of(list_shift(&env->ready), struct readiness, link);
		struct pb_socket *s = r->owner;
		int events = r->events;
		r->events = 0;
		if (!s)
			continue;
		if (events & (POLLERR | POLLHUP))
			events |= POLLIN | POLLOUT;
		s->ready |= events & POLLRDHUP ? events | POLLIN : events;
		return s;
	}
	return NULL;
}

static int stack_fd(struct pb_net *net, unsigned n)
{
	for (struct iface *i = pb_internet_ifaces(((struct pb_stack *)net)->internet); i; i = i->next) {
		int fd = i->device->ops->fd ? i->device->ops->fd(i->device) : -1;
		if (fd >= 0 && n-- == 0)
			return fd;
	}
	return -1;
}

static int icmp_of(int family)
{
	return family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

/* What socket(2) answers to kinds that there are not. */
static int check_kind(int family, int type, int protocol)
{
	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	if (type == SOCK_STREAM)
		return protocol == 0 || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
	if (type == SOCK_DGRAM)
		return protocol == 0 || protocol == IPPROTO_UDP || protocol == icmp_of(family)
			       ? 0
			       : -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		return protocol > 0 && protocol <= 255 ? 0 : -EPROTONOSUPPORT;
	return -ESOCKTNOSUPPORT;
}

static int open_datagram(struct pb_stack *stack, int family, int type, int protocol, struct pb_socket **s)
{
	bool udp = type == SOCK_DGRAM && protocol != icmp_of(family);
	struct udp_endpoint *u = udp ? pb_udp_open(&stack->udp, family) : NULL;
	struct raw_endpoint *r =
		udp ? NULL : pb_raw_open(&stack->raw, family, (uint8_t)protocol, type == SOCK_DGRAM);

	if (!u && !r)
		return -ENOMEM;
	return pb_datagram_open(stack, u ? &u->base : &r->base, type, udp ? IPPROTO_UDP : protocol, s);
}

static int stack_open(struct pb_net *net, int family, int type, int protocol, struct pb_socket **s)
{
	struct pb_stack *stack = (struct pb_stack *)net;
	int rc = check_kind(family, type, protocol);

	if (rc < 0)
		return rc;
	return type == SOCK_STREAM ? pb_stream_open(stack, family, s)
				   : open_datagram(stack, family, type, protocol, s);
}

static const struct pb_net_ops stack_ops = {
	.name = "stack",
	.open = stack_open,
	.close = stack_close,
	.poll = stack_poll,
	.next = stack_next,
	.news = stack_news,
	.fd = stack_fd,
};
