/* All of Packetboat's public interface. */
#ifndef PACKETBOAT_H
#define PACKETBOAT_H

#include <packetboat/dial.h>
#include <packetboat/loop.h>
#include <packetboat/net.h>
#include <packetboat/socket.h>
#include <packetboat/time.h>

#endif
