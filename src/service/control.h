/*
 * How a serving process tells others of its connections: it listens on the abstract Unix socket
 * "packetboat/serve/PID", and whoever connects, of the same user or root, gets one JSON object:
 *
 *   {"pid": 123, "net": "host", "services": [{"service": "http", "proto": "tcp", "local": "127.0.0.1:80"}],
 *    "connections": [{"number": 17, "service": "http", "proto": "tcp", "local": "127.0.0.1:80",
 *                     "peer": "127.0.0.1:51234", "bytes_in": 120, "bytes_out": 5120, "seconds": 3.2}],
 *    "connection_count": 1}
 *
 * At most 16,384 connections are told of; connection_count says how many there are.
 *
 * Where the net is a stack of our own, which the kernel knows nothing of, the object has its table, too: at most 16,384
 * sockets, of TCP and UDP, and in socket_count how many there are. States are numbered as in tcp_states.h.
 *
 *   "device": "tap:pb0", "addresses": ["10.9.0.2/24"], "socket_count": 1,
 *   "sockets": [{"proto": "tcp", "state": 10, "local": "10.9.0.2:80", "peer": "0.0.0.0:0",
 *                "recv_queue": 0, "send_queue": 128}]
 *
 * Such a name belongs to the network namespace, is gone with its process, and leaves nothing to clean up.
 */
#ifndef SERVICE_CONTROL_H
#define SERVICE_CONTROL_H

#include "service/server.h"

struct control;

/* NULL: errno says why. */
struct control *control_new(struct server *server, struct pb_loop *loop);
void control_free(struct control *c); /* before the loop; NULL is allowed */

#endif
