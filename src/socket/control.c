#include "socket/control.h"

#include <netinet/in.h>
#include <string.h>

void pb_control_add(struct control *c, int level, int type, const void *data, size_t len)
{
	if (!c->msg->msg_control || c->used + CMSG_SPACE(len) > c->msg->msg_controllen) {
		c->msg->msg_flags |= MSG_CTRUNC;
		return;
	}
	struct cmsghdr *h = (struct cmsghdr *)((char *)c->msg->msg_control + c->used);
	h->cmsg_level = level;
	h->cmsg_type = type;
	h->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(h), data, len);
	c->used += CMSG_SPACE(len);
}

void pb_control_add_int(struct control *c, int level, int type, int n)
{
	pb_control_add(c, level, type, &n, sizeof n);
}

void pb_control_add_error(struct control *c, int family, const struct control_error *e)
{
	size_t offender = family == AF_INET ? sizeof e->offender.v4 : sizeof e->offender.v6;

	pb_control_add(c, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		       family == AF_INET ? IP_RECVERR : IPV6_RECVERR, e, sizeof e->error + offender);
}

void pb_control_end(struct control *c)
{
	c->msg->msg_controllen = c->used;
}
