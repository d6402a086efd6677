/* Addresses, integers and interface names as the sockets' calls pass them, for the sockets of a stack. */
#include "socket/stack.h"

#include <errno.h>

int pb_stack_read_addr(int family, const struct sockaddr *sa, socklen_t len, struct ip *a, uint16_t *port)
{
	socklen_t least = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (len < least)
		return -EINVAL;
	if (sa->sa_family != family)
		return -EAFNOSUPPORT;
	return pb_ip_from_sockaddr(a, port, sa, len) ? 0 : -EAFNOSUPPORT;
}

struct ip pb_stack_callee(const struct ip *to, const struct ip *own)
{
	if (!ip_is_any(to))
		return *to;
	if (ip_is4(to) || ip_is4(own))
		return ip_from4((const uint8_t[4]){ 127, 0, 0, 1 });
	return (struct ip){ .bytes = { [15] = 1 } };
}

static bool is_mistaken(const struct binder *b, const struct ip *a)
{
	if (b->bound || (b->v6only && ip_is4(a)))
		return true;
	if (ip_has_zone(a) && !ip_zone(a) && !b->interface)
		return true; /* RFC 4007 §6: it does not say which link it is on */
	return b->type == SOCK_STREAM && ip_is_multicast(a) && !ip_is4(a);
}

int pb_stack_may_bind(struct pb_stack *stack, const struct binder *b, const struct ip *a)
{
	struct internet *net = stack->internet;
	bool available = ip_is_any(a) || b->transparent || pb_internet_is_local(net, a) ||
			 pb_internet_is_group(net, a);

	if (b->family == AF_INET6 && is_mistaken(b, a))
		return -EINVAL;
	if (!available)
		return -EADDRNOTAVAIL;
	return b->bound ? -EINVAL : 0;
}

int pb_stack_give_addr(int family, const struct ip *a, uint16_t port, struct sockaddr *sa, socklen_t *len)
{
	union pb_addr addr;

	pb_ip_to_sockaddr(&addr, a, port, family);
	socklen_t size = pb_addr_len(&addr);
	memcpy(sa, &addr, size < *len ? size : *len);
	*len = size;
	return 0;
}

int pb_stack_int_in(const void *value, socklen_t len, int *n)
{
	if (len < sizeof *n)
		return -EINVAL;
	memcpy(n, value, sizeof *n);
	return 0;
}

int pb_stack_option_in(int level, const void *value, socklen_t len, int *n)
{
	if (level != IPPROTO_IP || len == 0 || len >= sizeof *n)
		return pb_stack_int_in(value, len, n);
	*n = *(const uint8_t *)value;
	return 0;
}

int pb_stack_int_out(int n, void *value, socklen_t *len)
{
	if (*len > sizeof n)
		*len = sizeof n;
	memcpy(value, &n, *len);
	return 0;
}

int pb_stack_identity(int name, int family, int type, int protocol, int *n)
{
	switch (name) {
	case SO_DOMAIN:
		*n = family;
		return 0;
	case SO_TYPE:
		*n = type;
		return 0;
	case SO_PROTOCOL:
		*n = protocol;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int pb_stack_interface_named(struct pb_stack *stack, const void *value, socklen_t len, unsigned *index)
{
	const char *name = value;

	*index = 0;
	if (len == 0 || name[0] == '\0')
		return 0;
	for (struct iface *i = pb_internet_ifaces(stack->internet); i; i = i->next)
		if (strnlen(name, len) == strlen(i->name) && memcmp(name, i->name, strlen(i->name)) == 0) {
			*index = i->index;
			return 0;
		}
	return -ENODEV;
}

int pb_stack_interface_name(struct pb_stack *stack, unsigned index, void *value, socklen_t *len)
{
	const struct iface *i = index ? pb_internet_iface(stack->internet, index) : NULL;
	socklen_t size = i ? (socklen_t)strlen(i->name) + 1 : 0;

	if (i && *len < IFACE_NAME_MAX) /* as Linux, however short this name is */
		return -EINVAL;
	if (i)
		memcpy(value, i->name, size);
	*len = size;
	return 0;
}
