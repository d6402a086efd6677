/*
 * What is behind a pb_socket and a pb_net: a table of calls. The host's net is in host.c, a stack's in
 * stack.c. This header is for the nets and for the loop; everybody else uses <packetboat/socket.h>.
 */
#ifndef PB_SOCKET_SOCKET_H
#define PB_SOCKET_SOCKET_H

#include <packetboat/socket.h>
#include <packetboat/time.h>

/* Every call has the contract that its namesake has in the public header. */
struct pb_socket_ops {
	int (*close)(struct pb_socket *s);
	int (*bind)(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen);
	int (*listen)(struct pb_socket *s, int backlog);
	int (*accept)(struct pb_socket *s, struct pb_socket **conn);
	int (*connect)(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen);
	ssize_t (*send)(struct pb_socket *s, const void *buf, size_t len, int flags);
	ssize_t (*sendmsg)(struct pb_socket *s, const struct msghdr *msg, int flags);
	ssize_t (*sendfile)(struct pb_socket *s, int fd, off_t *offset, size_t len);
	ssize_t (*recv)(struct pb_socket *s, void *buf, size_t len, int flags);
	ssize_t (*recvmsg)(struct pb_socket *s, struct msghdr *msg, int flags);
	int (*shutdown)(struct pb_socket *s, int how);
	int (*getsockopt)(struct pb_socket *s, int level, int name, void *value, socklen_t *len);
	int (*setsockopt)(struct pb_socket *s, int level, int name, const void *value, socklen_t len);
	int (*getsockname)(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen);
	int (*getpeername)(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen);
	int (*at_mark)(struct pb_socket *s);
	int (*poll)(struct pb_socket *s); /* pb_ready() */
	/*
	 * Of the kernel's sockets only. wait: pb_wait(). fd: the descriptor for the loop's epoll. NULL: a
	 * loop waits, and the net tells the news.
	 */
	int (*wait)(struct pb_socket *s, int events, pb_time timeout);
	int (*fd)(const struct pb_socket *s);
};

struct pb_watch;

struct pb_socket {
	const struct pb_socket_ops *ops;
	struct pb_net *net;
	struct pb_watch *watch; /* by a loop; NULL: not watched */
	/*
	 * What is thought to be ready. The loop sets bits as news arrives; a call that finds nothing clears
	 * its bit. Since only news is told, a bit is cleared when and only when it is known that more news
	 * will come.
	 */
	int ready;
	/* The descriptor is in no other process, so that closing it ends the kernel's watching, too. */
	bool sole;
};

struct pb_net_ops {
	const char *name;
	int (*open)(struct pb_net *net, int family, int type, int protocol, struct pb_socket **s);
	void (*close)(struct pb_net *net);
	/*
	 * Of a net that must be driven; NULL: the kernel drives it. poll: do what is due at now. next: when
	 * that is to be done again (0: at once). news: the next socket whose ready has changed, until NULL.
	 * fd: the n-th descriptor worth waiting for; -1: there are not so many.
	 */
	void (*poll)(struct pb_net *net, pb_time now);
	pb_time (*next)(struct pb_net *net);
	struct pb_socket *(*news)(struct pb_net *net);
	int (*fd)(struct pb_net *net, unsigned n);
};

struct pb_net {
	const struct pb_net_ops *ops;
	struct pb_loop *loop; /* that drives it */
	struct pb_net *next;  /* in that loop */
};

#endif
