#include "cli/net.h"

#include "cli/net_auto.h"
#include "cli/net_spec.h"
#include "kernel/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINGER PB_SEC(3) /* for the last segments of a stack that is closed */

/* What a stack of the command line has beside itself. One process opens one net. */
static struct pb_capture *capture_file;

static pb_time clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return PB_SEC(t.tv_sec) + t.tv_nsec;
}

static int cannot(const struct command *c, const char *what, const char *name, int err)
{
	enum exit_code code = err == -EPERM || err == -EACCES || err == -EBUSY ? EXIT_ADDRESS : EXIT_FAILED;
	const char *hint = err == -EPERM || err == -EACCES
				   ? "; run as root, or make it beforehand with 'ip tuntap add'"
			   : err == -EBUSY  ? "; another program has it"
			   : err == -ENOENT ? "; the kernel has no /dev/net/tun"
					    : "";

	return command_fail(c, code, "cannot %s %s: %s%s", what, name, strerror(-err), hint);
}

static int open_device(const struct command *c, const struct net_spec *s, struct pb_device **device)
{
	int rc = s->kind == NET_TAP ? pb_device_tap(s->name, device) : pb_device_tun(s->name, device);

	if (rc == -EINVAL)
		return command_fail(c, EXIT_FAILED,
				    "cannot open the network device %s: it is there, and of another kind",
				    s->name);
	if (rc < 0)
		return cannot(c, "open the network device", s->name, rc);
	rc = s->host.addr.sa.sa_family ? link_add_address(s->name, &s->host) : 0;
	if (rc == 0 && (s->host.addr.sa.sa_family || s->mtu))
		rc = link_up(s->name, s->mtu);
	if (rc == 0) {
		if (s->mtu)
			(*device)->mtu = s->mtu;
		return EXIT_DONE;
	}
	pb_device_close(*device);
	return cannot(c, "set up the network device", s->name, rc);
}

/* Wrap the device so that its frames are written down. It is closed if that fails. */
static int capture_device(const struct command *c, const char *path, const char *name,
			  struct pb_device **device)
{
	struct pb_device *inner = *device;
	int rc = pb_capture_open(path, clock_of(CLOCK_REALTIME) - clock_of(CLOCK_MONOTONIC), &capture_file);

	if (rc == 0)
		rc = pb_device_capture(inner, capture_file, name, device);
	if (rc == 0)
		return EXIT_DONE;
	pb_device_close(inner);
	return command_fail(c, EXIT_FAILED, "cannot capture to %s: %s", path, strerror(-rc));
}

/* An address that says nothing without its link means this one (RFC 4007 §6). */
static union pb_addr on_link(const union pb_addr *addr, unsigned index)
{
	union pb_addr a = *addr;

	if (a.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a.v6.sin6_addr))
		a.v6.sin6_scope_id = index;
	return a;
}

/* Who is asked for names, and where short ones are looked for. What is given twice is given. */
static int give_names(struct pb_stack *stack, const struct net_spec *s, unsigned index)
{
	int rc = 0;

	for (size_t i = 0; i < s->server_count && (rc == 0 || rc == -EEXIST); i++) {
		union pb_addr server = on_link(&s->servers[i], index);
		rc = pb_stack_add_name_server(stack, &server.sa, PB_GIVEN);
	}
	for (size_t i = 0; i < s->domain_count && (rc == 0 || rc == -EEXIST); i++)
		rc = pb_stack_add_search_domain(stack, s->domains[i], PB_GIVEN);
	return rc == -EEXIST ? 0 : rc;
}

static int configure(struct pb_stack *stack, const struct net_spec *s, unsigned index)
{
	union pb_addr all = pb_addr_any(s->gateway.sa.sa_family), gateway = on_link(&s->gateway, index);
	int rc = 0;

	for (size_t i = 0; i < s->addr_count && rc == 0; i++)
		rc = pb_stack_add_address(stack, index, &s->addrs[i].addr.sa, s->addrs[i].bits,
					  PB_USE_AT_ONCE);
	if (rc == 0 && s->gateway.sa.sa_family)
		rc = pb_stack_add_route(stack, &all.sa, 0, &gateway.sa, index);
	return rc < 0 ? rc : give_names(stack, s, index);
}

static int open_stack(const struct command *c, const struct net_spec *s, const char *capture,
		      struct pb_stack *stack)
{
	struct pb_device *device;
	int code = open_device(c, s, &device);

	if (code == EXIT_DONE && capture)
		code = capture_device(c, capture, s->name, &device);
	if (code != EXIT_DONE)
		return code;
	int index = pb_stack_attach(stack, device, s->name);
	if (index < 0) {
		pb_device_close(device);
		return cannot(c, "attach", s->name, index);
	}
	int rc = configure(stack, s, (unsigned)index);
	if (rc == -ENETUNREACH)
		return command_usage(c, "the gateway is not on the link of any addr= of %s", s->name);
	if (rc == 0 && s->automatic)
		rc = net_auto_configure(stack, (unsigned)index);
	if (rc == -ETIMEDOUT)
		return command_fail(
			c, EXIT_TIMED_OUT,
			"nobody on %s has answered with an address; is there a router, or a DHCP server?",
			s->name);
	return rc < 0 ? cannot(c, "give its addresses to", s->name, rc) : EXIT_DONE;
}

static int new_stack(const struct command *c, const struct net_spec *s, const char *capture,
		     struct pb_net **net)
{
	struct pb_stack_options options = { .now = clock_of(CLOCK_MONOTONIC), .ecn = s->ecn };
	struct pb_stack *stack = NULL;
	int rc = pb_seed_random(options.seed);

	if (rc == 0)
		rc = pb_stack_new(&options, &stack);
	if (rc < 0 || !stack)
		return command_fail(c, EXIT_FAILED, "cannot make a stack: %s", strerror(-rc));
	int code = open_stack(c, s, capture, stack);
	*net = pb_stack_net(stack);
	if (code != EXIT_DONE)
		net_close(c, *net);
	return code;
}

int net_open(const struct command *c, const char *text, const char *capture, struct pb_net **net)
{
	struct net_spec spec;
	char error[256];

	if (!net_spec_parse(&spec, text, error, sizeof error))
		return command_usage(c, "--net: %s", error);
	if (spec.kind != NET_HOST)
		return new_stack(c, &spec, capture, net);
	if (capture)
		return command_usage(
			c, "--capture writes the frames of a stack, as --net tap:pb0,...; the host's can be "
			   "had with tcpdump(8)");
	if (pb_net_host(net) < 0)
		return command_fail(c, EXIT_FAILED, "out of memory");
	return EXIT_DONE;
}

/*
 * Closing
 * -----------------------------------------------------------------------------------------------------------
 */

static void count_unfinished(const struct pb_stack_entry *e, void *context)
{
	size_t *count = context;

	/* Handshakes, text and FINs that are under way; numbers as in <linux/tcp_states.h>. */
	if (e->protocol == IPPROTO_TCP && e->state != 6 && e->state != 7 && e->state != 10)
		++*count;
}

static void finish(struct pb_stack *stack)
{
	struct pb_loop *loop;
	pb_time end = clock_of(CLOCK_MONOTONIC) + LINGER;
	size_t unfinished = 1;

	if (pb_loop_new(&loop) < 0)
		return;
	if (pb_loop_add_net(loop, pb_stack_net(stack)) == 0) {
		while (unfinished && pb_loop_now(loop) < end &&
		       pb_loop_turn(loop, pb_loop_now(loop) + PB_MSEC(10)) >= 0) {
			unfinished = 0;
			pb_stack_each(stack, count_unfinished, &unfinished);
		}
		pb_loop_remove_net(loop, pb_stack_net(stack));
	}
	pb_loop_free(loop);
}

void net_close(const struct command *c, struct pb_net *net)
{
	struct pb_stack *stack = pb_stack_of(net);

	if (stack)
		finish(stack);
	net_auto_end();
	pb_net_close(net);
	if (capture_file) {
		int rc = pb_capture_close(capture_file);
		capture_file = NULL;
		if (rc < 0)
			command_fail(c, EXIT_FAILED, "the capture ends early: %s", strerror(-rc));
	}
}
