/* All of Packetboat's public interface. */
#ifndef PACKETBOAT_H
#define PACKETBOAT_H

#include <packetboat/buf.h>
#include <packetboat/counters.h>
#include <packetboat/device.h>
#include <packetboat/dial.h>
#include <packetboat/loop.h>
#include <packetboat/net.h>
#include <packetboat/socket.h>
#include <packetboat/stack.h>
#include <packetboat/tcp_auth.h>
#include <packetboat/tcp_user_timeout.h>
#include <packetboat/time.h>

#endif
