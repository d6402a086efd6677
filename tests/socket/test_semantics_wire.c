/*
 * The semantics suite on two stacks of our own with an Ethernet between them: servers on one, clients on the
 * other. Time is virtual. Connections sleep after a millisecond: nobody can tell.
 */
#include "semantics.h"

#include <packetboat/stack.h>

#define MTU        1500
#define FRAMES_MAX 1024

static struct world world;

static struct pb_stack *open_host(const char *seed, struct pb_device *device)
{
	struct pb_stack_options options = { .idle_after = PB_MSEC(1) };
	struct pb_stack *stack;

	memcpy(options.seed, seed, strlen(seed));
	assert_int_equal(pb_stack_new(&options, &stack), 0);
	assert_int_equal(pb_stack_attach(stack, device, "wire"), 2);
	assert_int_equal(pb_loop_add_net(world.loop, pb_stack_net(stack)), 0);
	return stack;
}

static void have_address(struct pb_stack *stack, const char *text, unsigned bits, union pb_addr *a)
{
	assert_true(pb_addr_parse(a, text));
	assert_int_equal(pb_stack_add_address(stack, 2, &a->sa, bits, PB_USE_AT_ONCE), 0);
}

static int open_world(void **state)
{
	struct pb_device *end[2];

	assert_int_equal(pb_loop_new_virtual(0, &world.loop), 0);
	assert_int_equal(pb_device_pair(MTU, true, FRAMES_MAX, end), 0);
	struct pb_stack *server = open_host("server", end[0]), *client = open_host("client", end[1]);
	have_address(server, "192.168.1.1", 24, &world.a);
	have_address(server, "192.168.1.2", 24, &world.b);
	have_address(client, "192.168.1.9", 24, &world.client_a);
	have_address(server, "2001:db8::1", 64, &world.v6); /* RFC 3849 */
	have_address(client, "2001:db8::9", 64, &world.client_v6);
	world.has_v6 = true;
	assert_true(pb_addr_parse(&world.foreign, "192.0.2.1")); /* RFC 5737: in no network */
	world.net = pb_stack_net(server);
	world.client_net = pb_stack_net(client);
	world.virtual_time = true;
	world.interface = "wire";
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	pb_loop_free(world.loop);
	pb_net_close(world.client_net);
	pb_net_close(world.net);
	return 0;
}

int main(void)
{
	return semantics_run("wire", open_world, close_world);
}
