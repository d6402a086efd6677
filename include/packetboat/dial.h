/*
 * Conveniences that block, to make the first program short. For more than one connection at a time, use a
 * loop.
 *
 * network is "tcp", "udp", or with a 4 or 6 behind it to insist on a family. address is "HOST:PORT" or
 * "[V6]:PORT"; PORT is a number or a name of the services file; HOST a literal address or, on the host's net,
 * a name (looked up with getaddrinfo(3)); to listen, an empty HOST or "*" is any address.
 */
#ifndef PACKETBOAT_DIAL_H
#define PACKETBOAT_DIAL_H

#include <packetboat/socket.h>
#include <packetboat/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Connect, trying each address of the name in turn, for at most timeout nanoseconds in all (PB_NEVER: no limit), of
 * which one that does not answer takes no more than its share.
 * 0 and *s, connected; -EINVAL: network or address cannot be understood; -ENXIO: the name is not found;
 * -ETIMEDOUT; otherwise the last address's error.
 */
PB_API int pb_dial(struct pb_net *net, const char *network, const char *address, pb_time timeout,
		   struct pb_socket **s);

/*
 * Bind and, for TCP, listen (with SO_REUSEADDR, so that a server can be started again at once). 0 and *s, or
 * -errno.
 */
PB_API int pb_listen_on(struct pb_net *net, const char *network, const char *address, struct pb_socket **s);

/*
 * Wait until one of events (POLLIN, POLLOUT) or an error is there, for at most timeout nanoseconds.
 * Returns what is there, as pb_ready(); 0 when the time is over; or -errno. On a stack it turns the loop that drives it
 * (or one of its own, if none does), so it must not be called from inside that loop.
 */
PB_API int pb_wait(struct pb_socket *s, int events, pb_time timeout);

/* Send all of buf, waiting for room. len, or -errno when the rest cannot be sent any more. */
PB_API ssize_t pb_send_all(struct pb_socket *s, const void *buf, size_t len);

#ifdef __cplusplus
}
#endif
#endif
