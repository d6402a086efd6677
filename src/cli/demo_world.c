#include "cli/demo_world.h"

#include "base/rng.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FRAMES_MAX  4096 /* that wait at an end of a wire */
#define MTU         1500
#define PREFIX_BITS 24
#define SETTLE      PB_SEC(2) /* without a frame: longer than the first time-outs of what is lost at the end */

/* In the order of enum world_host. */
static const struct site {
	const char *address;
	bool lan;
	enum side side;
	const char *mark; /* in front of the port, where a side has several hosts */
} sites[WORLD_HOSTS] = {
	{"177.41.72.6",   false, LEFT,  ""   },
        { "41.199.222.3", false, RIGHT, ""   },
	{ "192.168.1.3",  true,  LEFT,  ""   },
        { "192.168.1.1",  true,  RIGHT, ".1:"},
	{ "192.168.1.2",  true,  RIGHT, ".2:"},
};

const char *world_address(enum world_host which)
{
	return sites[which].address;
}

/* Hosts --------------------------------------------------------------------------------------------------------- */

static void derive_seed(const struct world *w, const char *name, uint8_t seed[16])
{
	struct rng rng = pb_rng_derive(w->seed, name);

	for (size_t i = 0; i < 16; i += sizeof(uint64_t)) {
		uint64_t r = pb_rng_next(&rng);
		memcpy(seed + i, &r, sizeof r);
	}
}

/* On the Internet everybody is at the other end of the line; on the LAN the /24 is on the link. */
static int set_up(struct host *h, const struct site *site)
{
	struct pb_stack *stack = h->card.stack;
	union pb_addr addr, all = pb_addr_any(AF_INET);
	int index = pb_stack_attach(stack, &h->card.device, site->lan ? "eth0" : "wan0");

	if (index < 0 || !pb_addr_parse(&addr, site->address))
		return index < 0 ? index : -EINVAL;
	int rc = pb_stack_add_address(stack, (unsigned)index, &addr.sa, site->lan ? PREFIX_BITS : 32,
				      PB_USE_AT_ONCE);
	if (rc == 0 && !site->lan)
		rc = pb_stack_add_route(stack, &all.sa, 0, NULL, (unsigned)index);
	return rc;
}

/* While it was off. */
static void lose_what_came(struct host *h, pb_time now)
{
	const struct pb_impairment all = { .loss = 1 }, usual = { .delay = WORLD_DELAY };

	pb_device_set_impairment(h->impaired, &all);
	for (struct pb_buf *b; (b = h->impaired->ops->receive(h->impaired, now, NULL));)
		pb_buf_free(b);
	pb_device_set_impairment(h->impaired, &usual);
}

int world_boot(struct world *w, enum world_host which)
{
	struct host *h = &w->host[which];
	struct pb_stack_options options = { .now = pb_loop_now(w->loop), .memory_max = 64 << 20 };
	char name[64];

	snprintf(name, sizeof name, "%s, start %u", sites[which].address, h->starts++);
	derive_seed(w, name, options.seed);
	int rc = pb_stack_new(&options, &h->card.stack);
	if (rc < 0)
		return rc;
	h->net = pb_stack_net(h->card.stack);
	lose_what_came(h, options.now);
	h->card.unplugged = false;
	rc = set_up(h, &sites[which]);
	return rc < 0 ? rc : pb_loop_add_net(w->loop, h->net);
}

void world_unplug(struct world *w, enum world_host which)
{
	w->host[which].card.unplugged = true;
}

void world_forget(struct world *w, enum world_host which)
{
	struct host *h = &w->host[which];

	if (!h->card.stack)
		return;
	card_leave(&h->card, pb_loop_now(w->loop));
	pb_loop_remove_net(w->loop, h->net);
	pb_net_close(h->net);
	h->net = NULL;
}

struct pb_net *world_net(struct world *w, enum world_host which)
{
	return w->host[which].net;
}

/* The world ----------------------------------------------------------------------------------------------------- */

/* What a host receives is late. Takes end. */
static int plug_in(struct world *w, enum world_host which, struct pb_device *end)
{
	const struct pb_impairment in = { .delay = WORLD_DELAY };
	const struct site *site = &sites[which];
	struct host *h = &w->host[which];
	int rc = pb_device_impair(end, &in, w->seed, site->address, &h->impaired);

	if (rc < 0) {
		pb_device_close(end);
		return rc;
	}
	h->cable = h->impaired;
	if (w->capture && (which == BROWSER || which == DESK))
		rc = pb_device_capture(h->impaired, w->capture, site->address, &h->cable);
	h->card = (struct card){ .side = site->side, .mark = site->mark };
	pb_ip_parse(&h->card.address, site->address);
	card_plug(&h->card, &w->diagram, h->cable);
	return rc;
}

/* All of the ends, whatever becomes of one, as none may be left over. */
static int plug_in_all(struct world *w, enum world_host first, struct pb_device *end[], int ends)
{
	int rc = 0;

	for (int i = 0; i < ends; i++) {
		int one = plug_in(w, first + (enum world_host)i, end[i]);
		rc = rc < 0 ? rc : one;
	}
	return rc;
}

static int lay_cables(struct world *w)
{
	struct pb_device *line[2] = { NULL }, *lan[3] = { NULL };
	int rc = pb_device_pair(MTU, false, FRAMES_MAX, line);

	if (rc == 0)
		rc = plug_in_all(w, BROWSER, line, 2);
	if (rc == 0)
		rc = pb_device_wire(MTU, 3, FRAMES_MAX, lan);
	return rc < 0 ? rc : plug_in_all(w, DESK, lan, 3);
}

int world_init(struct world *w, const uint8_t seed[16], const char *capture)
{
	struct timespec t;

	*w = (struct world){ 0 };
	memcpy(w->seed, seed, sizeof w->seed);
	clock_gettime(CLOCK_REALTIME, &t);
	w->diagram.way_max = 2 * WORLD_DELAY;
	int rc = pb_loop_new_virtual(0, &w->loop);
	if (rc == 0 && capture)
		rc = pb_capture_open(capture, PB_SEC(t.tv_sec) + t.tv_nsec, &w->capture);
	if (rc == 0)
		rc = lay_cables(w);
	for (int i = 0; i < WORLD_HOSTS && rc == 0; i++)
		rc = world_boot(w, (enum world_host)i);
	return rc;
}

int world_fini(struct world *w)
{
	for (int i = 0; i < WORLD_HOSTS; i++) {
		world_unplug(w, (enum world_host)i);
		world_forget(w, (enum world_host)i);
	}
	for (int i = 0; i < WORLD_HOSTS; i++)
		pb_device_close(w->host[i].cable);
	pb_loop_free(w->loop);
	return w->capture ? pb_capture_close(w->capture) : 0;
}

void world_scene(struct world *w, enum world_host left, enum world_host right)
{
	const char *servers = sites[right].lan ? "192.168.1.1 and .2" : sites[right].address;

	diagram_begin(&w->diagram, pb_loop_now(w->loop), sites[left].address, servers);
}

void world_wait(struct world *w, pb_time time)
{
	bool never = false;

	world_until(w, &never, time);
}

bool world_until(struct world *w, const bool *done, pb_time time)
{
	pb_time end = pb_loop_now(w->loop) + time;

	while (!*done && pb_loop_now(w->loop) < end && pb_loop_turn(w->loop, end) >= 0)
		diagram_update(&w->diagram, pb_loop_now(w->loop));
	return *done;
}

void world_settle(struct world *w)
{
	uint64_t sent;

	do {
		sent = w->diagram.sent;
		world_wait(w, SETTLE);
	} while (w->diagram.sent != sent);
}

void world_lose(struct world *w, double loss)
{
	const struct pb_impairment in = { .delay = WORLD_DELAY, .loss = loss };

	pb_device_set_impairment(w->host[BROWSER].impaired, &in);
	pb_device_set_impairment(w->host[WEB].impaired, &in);
}
