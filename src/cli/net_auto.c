#include "cli/net_auto.h"

#include "base/ip.h"
#include "client/dhcp.h"
#include "client/dhcp6.h"

#include <errno.h>
#include <packetboat/loop.h>

/*
 * Detecting that the link-local address is ours alone, asking, detecting again: four seconds at most, where all
 * is well.
 */
#define PATIENCE   PB_SEC(10)
#define SECOND_OWN PB_SEC(2) /* for the other family, once there is an address of one */

#define NAMES_OWN PB_SEC(3) /* for who answers for names, where nobody has told yet and somebody is asked */

/* One process opens one net. */
static struct dhcp *lease;
static struct dhcp6 *information;

struct found {
	bool v4, v6;
};

static void note_address(const struct pb_stack_address *address, void *context)
{
	struct found *found = context;
	bool v6 = address->addr->sa_family == AF_INET6;
	struct ip a;
	uint16_t port;
	socklen_t len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (address->state != PB_ADDRESS_READY || !pb_ip_from_sockaddr(&a, &port, address->addr, len) ||
	    ip_is_loopback(&a) || ip_is_link_local(&a))
		return;
	found->v4 |= !v6;
	found->v6 |= v6;
}

/* Until there is an address of each family, or of one, and the other had its time. */
static int wait_for_address(struct pb_loop *loop, struct pb_stack *stack)
{
	pb_time end = pb_loop_now(loop) + PATIENCE;
	struct found found = { 0 };
	bool first = true;
	int rc = 0;

	while (!(found.v4 && found.v6) && rc >= 0 && pb_loop_now(loop) < end) {
		rc = pb_loop_turn(loop, pb_loop_now(loop) + PB_MSEC(20));
		found = (struct found){ 0 };
		pb_stack_each_address(stack, note_address, &found);
		if ((found.v4 || found.v6) && first) {
			first = false;
			end = pb_loop_now(loop) + SECOND_OWN;
		}
	}
	if (rc < 0)
		return rc;
	return found.v4 || found.v6 ? 0 : -ETIMEDOUT;
}

static void note_server(const struct sockaddr *addr, void *context)
{
	(void)addr;
	*(bool *)context = true;
}

static int wait_for_name_server(struct pb_loop *loop, struct pb_stack *stack)
{
	pb_time end = pb_loop_now(loop) + NAMES_OWN;
	bool known = false;
	int rc = 0;

	pb_stack_each_name_server(stack, note_server, &known);
	while (!known && dhcp6_is_waiting(information) && rc >= 0 && pb_loop_now(loop) < end) {
		rc = pb_loop_turn(loop, pb_loop_now(loop) + PB_MSEC(20));
		pb_stack_each_name_server(stack, note_server, &known);
	}
	return rc < 0 ? rc : 0;
}

int net_auto_configure(struct pb_stack *stack, unsigned index)
{
	struct pb_loop *loop;
	int rc = pb_stack_autoconfigure(stack, index, PB_AUTO_STABLE);

	if (rc < 0 && rc != -EINVAL) /* a link that is too narrow for IPv6 may have IPv4 */
		return rc;
	rc = pb_loop_new(&loop);
	if (rc < 0)
		return rc;
	rc = pb_loop_add_net(loop, pb_stack_net(stack));
	if (rc == 0)
		rc = dhcp_new(stack, index, loop, &lease);
	if (rc == 0)
		rc = dhcp6_new(stack, index, loop, &information);
	if (rc == 0)
		rc = wait_for_address(loop, stack);
	if (rc == 0)
		rc = wait_for_name_server(loop, stack);
	net_auto_keep(NULL);
	pb_loop_remove_net(loop, pb_stack_net(stack));
	pb_loop_free(loop);
	return rc;
}

void net_auto_keep(struct pb_loop *loop)
{
	if (lease)
		dhcp_move(lease, loop);
	if (information)
		dhcp6_move(information, loop);
}

void net_auto_end(void)
{
	dhcp_free(lease);
	dhcp6_free(information);
	lease = NULL;
	information = NULL;
}
