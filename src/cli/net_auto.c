#include "cli/net_auto.h"

#include "base/ip.h"

#include <errno.h>
#include <packetboat/loop.h>

/*
 * Detecting that the link-local address is ours alone, asking, detecting again: four seconds at most, where
 * all is well.
 */
#define PATIENCE PB_SEC(10)

static void note_address(const struct pb_stack_address *address, void *context)
{
	bool *found = context, v6 = address->addr->sa_family == AF_INET6;
	struct ip a;
	uint16_t port;
	socklen_t len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (address->state == PB_ADDRESS_READY && pb_ip_from_sockaddr(&a, &port, address->addr, len) &&
	    !ip_is_loopback(&a) && !ip_is_link_local(&a))
		*found = true;
}

static int wait_for_address(struct pb_loop *loop, struct pb_stack *stack)
{
	pb_time end = pb_loop_now(loop) + PATIENCE;
	bool found = false;
	int rc = 0;

	while (!found && rc >= 0) {
		if (pb_loop_now(loop) >= end)
			return -ETIMEDOUT;
		rc = pb_loop_turn(loop, pb_loop_now(loop) + PB_MSEC(20));
		pb_stack_each_address(stack, note_address, &found);
	}
	return rc < 0 ? rc : 0;
}

int net_auto_configure(struct pb_stack *stack, unsigned index)
{
	struct pb_loop *loop;
	int rc = pb_stack_autoconfigure(stack, index, PB_AUTO_STABLE);

	if (rc < 0)
		return rc;
	rc = pb_loop_new(&loop);
	if (rc < 0)
		return rc;
	rc = pb_loop_add_net(loop, pb_stack_net(stack));
	if (rc == 0) {
		rc = wait_for_address(loop, stack);
		pb_loop_remove_net(loop, pb_stack_net(stack));
	}
	pb_loop_free(loop);
	return rc;
}
