/* What recvmsg(2) with MSG_ERRQUEUE tells of an error that came back: ip(7), IP_RECVERR. */
#include "socket/control.h"
#include "socket/stack.h"

#include <stdlib.h>

static uint8_t origin_of(const struct returned *r)
{
	if (r->local)
		return SO_EE_ORIGIN_LOCAL;
	return ip_is4(&r->error.dst) ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6;
}

/* The error, and behind it who says so. */
static void tell(int family, const struct returned *r, struct msghdr *msg)
{
	struct control_error e = {
		.error = {.ee_errno = (uint32_t)r->error.error,
                          .ee_origin = origin_of(r),
                          .ee_type = r->error.type,
                          .ee_code = r->error.code,
                          .ee_info = r->error.mtu},
	};
	struct control c = { .msg = msg };

	if (!r->local) /* else nobody does: SO_EE_OFFENDER(3) is of AF_UNSPEC */
		pb_ip_to_sockaddr(&e.offender, &r->error.offender, 0, family);
	pb_control_add_error(&c, family, &e);
	pb_control_end(&c);
}

ssize_t pb_stack_give_returned(int family, struct returned *r, struct msghdr *msg)
{
	socklen_t name_len = msg->msg_namelen;
	size_t done = 0;

	if (!r)
		return -EAGAIN;
	for (size_t i = 0; i < msg->msg_iovlen && done < r->len; i++) {
		size_t n = msg->msg_iov[i].iov_len < r->len - done ? msg->msg_iov[i].iov_len : r->len - done;
		if (n)
			memcpy(msg->msg_iov[i].iov_base, r->data + done, n);
		done += n;
	}
	if (msg->msg_name) {
		pb_stack_give_addr(family, &r->error.dst, r->dst_port, msg->msg_name, &name_len);
		msg->msg_namelen = name_len;
	}
	msg->msg_flags = MSG_ERRQUEUE | (done < r->len ? MSG_TRUNC : 0);
	tell(family, r, msg);
	free(r);
	return (ssize_t)done;
}
