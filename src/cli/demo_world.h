/*
 * The demo's world: hosts, each with a TCP/IP of ours, and the two networks between them, in virtual time. What they
 * send is drawn (diagram.h).
 *
 * The Internet is a line between two hosts that carries IP packets: its routers are not shown. The LAN is an Ethernet.
 * A frame takes WORLD_DELAY on either.
 */
#ifndef CLI_DEMO_WORLD_H
#define CLI_DEMO_WORLD_H

#include "cli/diagram.h"

#define WORLD_DELAY PB_MSEC(10)

enum world_host {
	BROWSER, /* 177.41.72.6 on the Internet */
	WEB,     /* 41.199.222.3, at its other end */
	DESK,    /* 192.168.1.3 on the LAN */
	FIRST,   /* 192.168.1.1 */
	SECOND,  /* 192.168.1.2 */
	WORLD_HOSTS
};

struct host {
	struct card card;
	struct pb_device *cable;    /* that the card is plugged into, and keeps across restarts */
	struct pb_device *impaired; /* the part of it that delays and loses what comes in */
	struct pb_net *net;         /* of the card's stack */
	unsigned starts;
};

struct world {
	struct pb_loop *loop;
	struct host host[WORLD_HOSTS];
	struct diagram diagram;
	struct pb_capture *capture;
	uint8_t seed[16];
};

/* capture: NULL, or the file for what BROWSER and DESK send and receive. 0 or -errno; world_fini() in either case. */
int world_init(struct world *w, const uint8_t seed[16], const char *capture);
/* All sockets must have been closed. An error of the capture's, -errno, or 0. */
int world_fini(struct world *w);

/* A new diagram: its time begins at 0. */
void world_scene(struct world *w, enum world_host left, enum world_host right);

/* Let so much time pass; or until *done, at most so much: false: it is not done. */
void world_wait(struct world *w, pb_time time);
bool world_until(struct world *w, const bool *done, pb_time time);

/* Wait until nothing has been sent for a while, and all that was is drawn. */
void world_settle(struct world *w);

/* Power off: nothing is sent from here on, not even by what is closed now. Then forget, once all is closed. */
void world_unplug(struct world *w, enum world_host which);
void world_forget(struct world *w, enum world_host which);
/* Power on, with an empty memory. 0 or -errno. */
int world_boot(struct world *w, enum world_host which);

/* How much of what is sent on the line between BROWSER and WEB is lost: from 0 to 1. */
void world_lose(struct world *w, double loss);

struct pb_net *world_net(struct world *w, enum world_host which);

/* "192.168.1.3" */
const char *world_address(enum world_host which);

#endif
