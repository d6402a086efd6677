#include "drill/opening.h"
#include "drill/info.h"

#include <errno.h>
#include <linux/tcp.h>

#define CLOSED   7 /* TCP_CLOSE */
#define SYN_SENT 2 /* TCP_SYN_SENT of <netinet/tcp.h>, which does not go together with <linux/tcp.h> */

static bool is_under_way(struct pb_socket *s)
{
	struct tcp_info info;

	return drill_info_read(s, &info) && info.tcpi_state == SYN_SENT;
}

int drill_opening_flags(struct pb_socket *s)
{
	struct tcp_info info;

	if (!drill_info_read(s, &info))
		return 0;
	return info.tcpi_state == CLOSED || info.tcpi_state == SYN_SENT ? MSG_MORE : 0;
}

void drill_opening_note(struct opening *o, struct pb_socket *s, ssize_t rc)
{
	if (rc >= 0 || rc == -EINPROGRESS)
		o->waits = is_under_way(s);
}

int drill_opening_progress(struct opening *o, struct pb_socket *s)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (!o->waits)
		return 0;
	if (is_under_way(s))
		return -EAGAIN;
	o->waits = false;
	o->over = true;
	pb_getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &len);
	return -error;
}
