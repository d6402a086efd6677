/*
 * What the files of a stack and its sockets share:
 *
 *   stack.c         the stack: a frame's way up          stack_each.c    going over what it has
 *   stack_addr.c    what calls pass: addresses, numbers  stack_names.c   who is asked for names
 *   stream.c        TCP sockets                          datagram.c      UDP, ICMP echo and raw sockets
 *   returned.c      what MSG_ERRQUEUE tells              control.c       control messages
 *
 * Of what belongs to stream.c alone and to datagram.c alone their headers tell.
 */
#ifndef PB_SOCKET_STACK_H
#define PB_SOCKET_STACK_H

#include "socket/socket.h"
#include "transport/raw.h"
#include "transport/tcp/layer.h"
#include "transport/udp.h"

#include <errno.h>
#include <packetboat/stack.h>
#include <poll.h>

struct pb_stack {
	struct pb_net net; /* first */
	struct env env;
	struct internet *internet;
	struct tcp *tcp;
	struct udp udp;
	struct raw raw;
	size_t sockets;     /* open */
	bool holds_back;    /* a device does, and is to be flushed */
	bool takes_foreign; /* packets for addresses that are not ours climb, too */
};

static inline struct pb_stack *stack_of(const struct pb_socket *s)
{
	return (struct pb_stack *)s->net;
}

/* Open one of the kind. 0 or -errno. */
int pb_stream_open(struct pb_stack *stack, int family, struct pb_socket **s);
int pb_datagram_open(struct pb_stack *stack, struct endpoint *endpoint, int type, int protocol,
		     struct pb_socket **s);

/*
 * The address of a call: -EINVAL, -EAFNOSUPPORT as connect(2) and bind(2) have them. family: the socket's.
 */
int pb_stack_read_addr(int family, const struct sockaddr *sa, socklen_t len, struct ip *a, uint16_t *port);

/* Who is called: 0.0.0.0 or :: is this host, as on Linux, in the family that the caller's own address is of. */
struct ip pb_stack_callee(const struct ip *to, const struct ip *own);

/* A socket that is about to get a local address. */
struct binder {
	int family, type;
	bool bound, v6only, transparent;
	unsigned interface; /* SO_BINDTODEVICE; 0: any */
};

/*
 * Whether it may have a, as inet_bind() and inet6_bind() of Linux judge, in their order: 0; -EINVAL: it has one, or
 * this one is no address for it; -EADDRNOTAVAIL: it is not ours.
 */
int pb_stack_may_bind(struct pb_stack *stack, const struct binder *b, const struct ip *a);

/* An address for the caller, as getsockname(2) cuts it. */
int pb_stack_give_addr(int family, const struct ip *a, uint16_t port, struct sockaddr *sa, socklen_t *len);

/*
 * After a call: what is ready is known here, not just thought to be, so that a loop in virtual time never
 * turns for nothing. More of what is no longer ready will be told (socket.h).
 */
static inline ssize_t stack_settled(struct pb_socket *s, ssize_t rc)
{
	const int known = POLLIN | POLLPRI | POLLOUT;

	s->ready = (s->ready & ~known) | (s->ops->poll(s) & known);
	return rc;
}

/*
 * A socket asks for any address (IP_TRANSPARENT): from now on what is for addresses that are nobody's climbs,
 * too, and stays so, for connections outlive their sockets.
 */
static inline void stack_take_foreign(struct pb_stack *stack)
{
	if (!stack->takes_foreign)
		pb_internet_take_foreign(stack->internet, true);
	stack->takes_foreign = true;
}

/* For handshakes from now on. */
void stack_set_ecn(struct pb_stack *stack, enum pb_ecn ecn);

/* What recvmsg(2) with MSG_ERRQUEUE answers; takes r. NULL: -EAGAIN. */
ssize_t pb_stack_give_returned(int family, struct returned *r, struct msghdr *msg);

/* Options whose value is an int. */
int pb_stack_int_in(const void *value, socklen_t len, int *n);
/* Likewise; one of IP's may be a byte (ip(7)). */
int pb_stack_option_in(int level, const void *value, socklen_t len, int *n);
int pb_stack_int_out(int n, void *value, socklen_t *len);

/* SOL_SOCKET's options that say what a socket is. -ENOPROTOOPT: it is another. */
int pb_stack_identity(int name, int family, int type, int protocol, int *n);

/* The interface of SO_BINDTODEVICE's text. 0: none of that name. */
int pb_stack_interface_named(struct pb_stack *stack, const void *value, socklen_t len, unsigned *index);

/*
 * The same for getsockopt(2): the name of the interface with its NUL, or nothing, where index is 0. -EINVAL: no
 * room.
 */
int pb_stack_interface_name(struct pb_stack *stack, unsigned index, void *value, socklen_t *len);

#endif
