/*
 * The semantics suite on a stack of our own: the expectations are the kernel's, which the host's run of the same suite
 * vouches for. Addresses are those of its loopback interface; time is virtual.
 */
#include "semantics.h"

#include <packetboat/stack.h>

static struct world world;

static int open_world(void **state)
{
	struct pb_stack_options options = { .seed = "semantics" };
	struct pb_stack *stack;

	assert_int_equal(pb_loop_new_virtual(0, &world.loop), 0);
	assert_int_equal(pb_stack_new(&options, &stack), 0);
	world.net = world.client_net = pb_stack_net(stack);
	assert_int_equal(pb_loop_add_net(world.loop, world.net), 0);
	assert_true(pb_addr_parse(&world.a, "127.0.0.1"));
	assert_true(pb_addr_parse(&world.b, "127.0.0.2"));
	assert_true(pb_addr_parse(&world.v6, "::1"));
	world.has_v6 = true;
	world.client_v6 = world.v6;
	world.client_a = world.a;
	world.virtual_time = true;
	world.interface = "lo";
	assert_true(pb_addr_parse(&world.foreign, "192.0.2.1")); /* RFC 5737: in no network */
	*state = &world;
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	pb_loop_free(world.loop);
	pb_net_close(world.net);
	return 0;
}

int main(void)
{
	return semantics_run("stack", open_world, close_world);
}
