#include "client/net_label.h"

#include <packetboat/stack.h>
#include <stdio.h>

#define LOOPBACK 1 /* the index of a stack's own interface; the next is what it is known by */

const char *net_label(struct pb_net *net, char *text)
{
	struct pb_stack *stack = pb_stack_of(net);
	const struct pb_device *d = stack ? pb_stack_device(stack, LOOPBACK + 1) : NULL;

	if (!stack)
		snprintf(text, NET_LABEL_TEXT, "%s", pb_net_name(net));
	else
		snprintf(text, NET_LABEL_TEXT, "%s:%s", d && d->ethernet ? "tap" : "tun",
			 d ? pb_device_name(d) : "");
	return text;
}
