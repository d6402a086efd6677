#include "kernel/link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <time.h>

/* Send one request and hear the kernel's verdict. */
static int ask(struct nlmsghdr *request)
{
	char answer[8192]; /* MNL_SOCKET_BUFFER_SIZE, which is no constant */
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int rc = -1;

	if (!nl)
		return -errno;
	request->nlmsg_seq = (uint32_t)time(NULL);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, request, request->nlmsg_len) >= 0) {
		ssize_t n = mnl_socket_recvfrom(nl, answer, sizeof answer);
		if (n >= 0)
			rc = mnl_cb_run(answer, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(nl),
					NULL, NULL);
	}
	rc = rc < 0 ? -errno : 0;
	mnl_socket_close(nl);
	return rc;
}

int link_add_address(const char *device, const struct pb_prefix *address)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	unsigned index = if_nametoindex(device), bits;
	const uint8_t *bytes = pb_addr_bytes(&address->addr, &bits);

	if (!index)
		return -ENODEV;
	request->nlmsg_type = RTM_NEWADDR;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(request, sizeof *m);
	m->ifa_family = (uint8_t)address->addr.sa.sa_family;
	m->ifa_prefixlen = address->bits;
	m->ifa_flags = IFA_F_PERMANENT;
	m->ifa_scope = RT_SCOPE_UNIVERSE;
	m->ifa_index = index;
	mnl_attr_put(request, IFA_LOCAL, bits / 8, bytes);
	mnl_attr_put(request, IFA_ADDRESS, bits / 8, bytes);
	int rc = ask(request);
	return rc == -EEXIST ? 0 : rc;
}

int link_up(const char *device, unsigned mtu)
{
	char buf[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	unsigned index = if_nametoindex(device);

	if (!index)
		return -ENODEV;
	request->nlmsg_type = RTM_NEWLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(request, sizeof *m);
	m->ifi_index = (int)index;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	if (mtu)
		mnl_attr_put_u32(request, IFLA_MTU, mtu);
	return ask(request);
}
