#include "client/dhcp_port.h"

#include "base/addr.h"
#include "base/timers.h"

#include <packetboat/socket.h>
#include <stdio.h>
#include <string.h>

int dhcp_port_open(struct dhcp_port *p, int family, uint16_t port, pb_watch_fn *on_message)
{
	union pb_addr at = pb_addr_any(family);
	int one = 1, index = (int)p->interface;
	int rc = pb_socket_open(pb_stack_net(p->stack), family, SOCK_DGRAM, 0, &p->socket);

	pb_addr_set_port(&at, port);
	if (rc == 0 && family == AF_INET)
		rc = pb_setsockopt(p->socket, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
	if (rc == 0 && family == AF_INET6)
		rc = pb_setsockopt(p->socket, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (rc == 0)
		rc = pb_setsockopt(p->socket, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof index);
	if (rc == 0)
		rc = pb_bind(p->socket, &at.sa, pb_addr_len(&at));
	if (rc == 0)
		rc = pb_watch_socket(p->loop, &p->watch, p->socket, POLLIN, on_message);
	return rc;
}

void dhcp_port_close(struct dhcp_port *p)
{
	if (p->loop)
		pb_timer_stop(p->loop, &p->timer);
	pb_watch_stop(&p->watch);
	pb_close(p->socket);
	p->socket = NULL;
}

void dhcp_port_move(struct dhcp_port *p, struct pb_loop *loop)
{
	pb_watch_fn *on_message = p->watch.fn;

	if (p->loop) {
		p->paused = pb_timer_armed(&p->timer) ? p->timer.due : PB_NEVER;
		pb_timer_stop(p->loop, &p->timer);
		pb_watch_stop(&p->watch);
	}
	p->loop = loop;
	if (!loop)
		return;
	pb_watch_socket(loop, &p->watch, p->socket, POLLIN, on_message);
	if (p->paused != PB_NEVER)
		pb_timer_set(loop, &p->timer, p->paused);
}

void leased_names_add_server(struct leased_names *n, struct pb_stack *stack, const struct sockaddr *addr)
{
	size_t len = addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (n->server_count < LEASED_MAX && pb_stack_add_name_server(stack, addr, PB_LEASED) == 0)
		memcpy(&n->servers[n->server_count++], addr, len);
}

void leased_names_add_domain(struct leased_names *n, struct pb_stack *stack, const char *domain)
{
	if (n->domain_count < LEASED_MAX && pb_stack_add_search_domain(stack, domain, PB_LEASED) == 0)
		snprintf(n->domains[n->domain_count++], DOMAIN_TEXT, "%s", domain);
}

void leased_names_drop(struct leased_names *n, struct pb_stack *stack)
{
	for (unsigned i = 0; i < n->server_count; i++)
		pb_stack_remove_name_server(stack, (const struct sockaddr *)&n->servers[i], PB_LEASED);
	for (unsigned i = 0; i < n->domain_count; i++)
		pb_stack_remove_search_domain(stack, n->domains[i], PB_LEASED);
	n->server_count = n->domain_count = 0;
}
