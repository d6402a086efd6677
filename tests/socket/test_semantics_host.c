/* The semantics suite on the host's net: here the kernel vouches for what the suite expects. Loopback only. */
#include "semantics.h"

static struct world world;

static int open_world(void **state)
{
	assert_int_equal(pb_loop_new(&world.loop), 0);
	assert_int_equal(pb_net_host(&world.net), 0);
	world.client_net = world.net;
	assert_true(pb_addr_parse(&world.a, "127.0.0.1"));
	assert_true(pb_addr_parse(&world.b, "127.0.0.2"));
	world.client_a = world.a;
	world.interface = "lo";
	assert_true(pb_addr_parse(&world.v6, "::1"));
	world.client_v6 = world.v6;
	assert_true(pb_addr_parse(&world.foreign, "192.0.2.1")); /* RFC 5737: in no network */
	struct pb_socket *s;
	if (pb_socket_open(world.net, AF_INET6, SOCK_DGRAM, 0, &s) == 0) {
		world.has_v6 = bind_to(s, &world.v6) == 0;
		pb_close(s);
	}
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
	return semantics_run("host", open_world, close_world);
}
