/*
 * Sockets, the same on every net.
 *
 * The shape is POSIX: families, types, options, flags and struct sockaddr are those of <sys/socket.h>,
 * <netinet/in.h> and <netinet/tcp.h>. Three things differ, on purpose:
 *
 *   - a socket is a typed pointer, not a number;
 *   - no call ever blocks: what cannot be done now answers -EAGAIN (pb_connect: -EINPROGRESS);
 *   - a result is >= 0, or a negative errno, the one Linux gives for the same mistake. errno is not touched.
 *
 * To learn when to try again, watch the socket in a loop (<packetboat/loop.h>), or wait for it with pb_wait()
 * (<packetboat/dial.h>). A socket belongs to the thread of its net. SIGPIPE is never raised.
 */
#ifndef PACKETBOAT_SOCKET_H
#define PACKETBOAT_SOCKET_H

#include <packetboat/net.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_socket;

/*
 * Open a socket on a net. family: AF_INET or AF_INET6. type and protocol: SOCK_STREAM (TCP), SOCK_DGRAM
 * (UDP), or IPPROTO_ICMP / IPPROTO_ICMPV6 with SOCK_DGRAM (echo requests only, no privilege where the host
 * allows it) or SOCK_RAW (needs CAP_NET_RAW on the host). protocol 0 is the type's own. 0 and *s, which the
 * caller closes; -EAFNOSUPPORT, -EPROTONOSUPPORT, -EMFILE, -EPERM, -EACCES, -ENOMEM.
 */
PB_API int pb_socket_open(struct pb_net *net, int family, int type, int protocol, struct pb_socket **s);

/*
 * Close, and free s whatever the answer. It must not be watched any more (pb_watch_close() does both). What
 * was sent is still delivered, unless SO_LINGER with time 0 asks for a reset; unread input makes a TCP close
 * a reset (RFC 1122 4.2.2.13). NULL is allowed.
 */
PB_API int pb_close(struct pb_socket *s);

/* Give the socket its local address. Port 0: one is chosen. -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL. */
PB_API int pb_bind(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen);

/* Accept connections from now on; at most backlog of them wait to be taken. -EADDRINUSE, -EOPNOTSUPP. */
PB_API int pb_listen(struct pb_socket *s, int backlog);

/*
 * Take the next waiting connection. 0 and *conn, which the caller closes and which has inherited the listener's
 * options; -EAGAIN: none waits; -ECONNABORTED and network errors: that one is gone, try again;
 * -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM: out of something, the connection waits on.
 */
PB_API int pb_accept(struct pb_socket *s, struct pb_socket **conn);

/*
 * Connect to a peer. TCP: -EINPROGRESS, then POLLOUT when it has come to an end, which SO_ERROR tells (0: connected).
 * UDP: sets the peer, at once; AF_UNSPEC takes it away. A socket without an address gets one, and an ephemeral port.
 * -EISCONN, -EALREADY, -ECONNREFUSED, -ENETUNREACH, -EADDRNOTAVAIL (no port left), -ETIMEDOUT (by SO_ERROR).
 */
PB_API int pb_connect(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen);

/*
 * Send. Copies; the buffer stays the caller's. Returns the bytes taken, possibly fewer than len on a stream. flags:
 * MSG_MORE: more follows, and what does not fill a segment waits for it; MSG_EOR: what follows shares no segment with
 * this, not even when it is sent again.
 * -EAGAIN: no room now. -EPIPE: we have shut down, or the connection is over. -ECONNRESET. -EMSGSIZE (datagrams).
 * With MSG_FASTOPEN, pb_sendto() on a stream that is not connected connects it, too, and has text travel in the SYN
 * if the peer has given a cookie before (TCP fast open, RFC 7413; tcp(7): TCP_FASTOPEN, TCP_FASTOPEN_CONNECT): then
 * the bytes that have left; -EINPROGRESS: none has, and it is as after pb_connect(). -EOPNOTSUPP: it is switched off.
 * -ECONNREFUSED on a connected UDP socket: an ICMP port unreachable came for an earlier datagram.
 */
PB_API ssize_t pb_send(struct pb_socket *s, const void *buf, size_t len, int flags);
PB_API ssize_t pb_sendto(struct pb_socket *s, const void *buf, size_t len, int flags,
			 const struct sockaddr *addr, socklen_t addrlen);
PB_API ssize_t pb_sendmsg(struct pb_socket *s, const struct msghdr *msg, int flags);

/*
 * Send up to len bytes of the open file fd from *offset, and move *offset past what was taken. Where the net
 * can, the bytes are not copied. Returns the bytes taken; 0: the file ends at *offset; errors as pb_send, and
 * the file's.
 */
PB_API ssize_t pb_sendfile(struct pb_socket *s, int fd, off_t *offset, size_t len);

/*
 * Receive. Returns the bytes put into buf; on a stream 0 means that the peer has closed its side.
 * -EAGAIN: nothing now. -ECONNRESET, -ETIMEDOUT, -ECONNREFUSED (UDP) and other pending errors, each told once.
 */
PB_API ssize_t pb_recv(struct pb_socket *s, void *buf, size_t len, int flags);
PB_API ssize_t pb_recvfrom(struct pb_socket *s, void *buf, size_t len, int flags, struct sockaddr *addr,
			   socklen_t *addrlen);
PB_API ssize_t pb_recvmsg(struct pb_socket *s, struct msghdr *msg, int flags);

/* Close one side or both: SHUT_RD, SHUT_WR (sends FIN; receiving goes on), SHUT_RDWR. -ENOTCONN. */
PB_API int pb_shutdown(struct pb_socket *s, int how);

/*
 * Options, as getsockopt(2), socket(7), ip(7), ipv6(7), tcp(7) have them. -ENOPROTOOPT, -EINVAL.
 *
 * TCP_NOTSENT_LOWAT: how many bytes may wait to be sent for the first time (0: the net's own limit). Whoever sends
 * what is newest, video or the like, waits for POLLOUT and has no more than these ahead of it, however large the
 * buffer is.
 */
PB_API int pb_getsockopt(struct pb_socket *s, int level, int name, void *value, socklen_t *len);
PB_API int pb_setsockopt(struct pb_socket *s, int level, int name, const void *value, socklen_t len);

/* The two ends of the socket pair. *addrlen: the room, then the length. pb_getpeername: -ENOTCONN. */
PB_API int pb_getsockname(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen);
PB_API int pb_getpeername(struct pb_socket *s, struct sockaddr *addr, socklen_t *addrlen);

/*
 * Whether the next byte to be read is the one that the peer sent last with MSG_OOB, as sockatmark(3): 1 or 0. recv(2)
 * with MSG_OOB fetches it, out of the row, unless SO_OOBINLINE is set; a read stops before it. -ENOTTY: no stream.
 */
PB_API int pb_at_mark(struct pb_socket *s);

/* What would not answer -EAGAIN at this moment: POLLIN, POLLPRI, POLLOUT, POLLRDHUP, POLLHUP, POLLERR, or-ed. */
PB_API int pb_ready(struct pb_socket *s);

/* The net it lives on. */
PB_API struct pb_net *pb_socket_net(const struct pb_socket *s);

#ifdef __cplusplus
}
#endif
#endif
