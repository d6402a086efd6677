#include "kernel/sockdiag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define TRIES        3     /* when the tables change under the kernel's hands */
#define EVERY_STATE  (~0U) /* those too that later kernels add */
#define NEW_SYN_RECV 12    /* the kernel's own: SYN-RECEIVED of a connection that has no full socket yet */
#define BUFFER_SIZE  (64 * 1024)

void diag_list_free(struct diag_list *list)
{
	free(list->sockets);
	*list = (struct diag_list){ 0 };
}

static struct diag_socket *append(struct diag_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct diag_socket *more = realloc(list->sockets, room * sizeof *more);
		if (!more)
			return NULL;
		list->sockets = more;
		list->room = room;
	}
	return &list->sockets[list->count++];
}

static union pb_addr read_addr(const struct inet_diag_msg *m, const __be32 words[4], __be16 port)
{
	union pb_addr a = pb_addr_any(m->idiag_family);

	if (m->idiag_family == AF_INET) {
		memcpy(&a.v4.sin_addr, words, sizeof a.v4.sin_addr);
		a.v4.sin_port = port;
	} else {
		memcpy(&a.v6.sin6_addr, words, sizeof a.v6.sin6_addr);
		a.v6.sin6_port = port;
		if (IN6_IS_ADDR_LINKLOCAL(&a.v6.sin6_addr))
			a.v6.sin6_scope_id = m->id.idiag_if;
	}
	return a;
}

struct reading {
	struct diag_list *list;
	int type;
};

static int on_socket(const struct nlmsghdr *nlh, void *arg)
{
	const struct reading *r = arg;
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof *m ||
	    (m->idiag_family != AF_INET && m->idiag_family != AF_INET6))
		return MNL_CB_OK;
	struct diag_socket *s = append(r->list);
	if (!s) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	*s = (struct diag_socket){
		.type = r->type,
		.local = read_addr(m, m->id.idiag_src, m->id.idiag_sport),
		.foreign = read_addr(m, m->id.idiag_dst, m->id.idiag_dport),
		.state = m->idiag_state == NEW_SYN_RECV ? TCP_SYN_RECV : m->idiag_state,
		.recv_queue = m->idiag_rqueue,
		.send_queue = m->idiag_wqueue,
		.uid = m->idiag_uid,
		.inode = m->idiag_inode,
	};
	pb_addr_unmap(&s->foreign);
	pb_addr_unmap(&s->local);
	if (s->local.sa.sa_family == AF_INET && pb_addr_is_any(&s->foreign))
		s->foreign = pb_addr_any(AF_INET); /* bound to a mapped address, connected to nobody */
	mnl_attr_for_each(attr, nlh, sizeof *m)
	{
		if (mnl_attr_get_type(attr) == INET_DIAG_SKV6ONLY &&
		    mnl_attr_validate(attr, MNL_TYPE_U8) == 0)
			s->v6only = mnl_attr_get_u8(attr);
	}
	return MNL_CB_OK;
}

static ssize_t ask(const struct mnl_socket *nl, int family, int type)
{
	char buf[NLMSG_SPACE(sizeof(struct inet_diag_req_v2))];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof *req);
	req->sdiag_family = (uint8_t)family;
	req->sdiag_protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	req->idiag_states = EVERY_STATE;
	return mnl_socket_sendto(nl, nlh, nlh->nlmsg_len);
}

/*
 * Take the mark "this dump is not consistent" off the messages, on which mnl_cb_run() would stop, and say whether
 * any had it.
 */
static bool unmark(char *buf, ssize_t len)
{
	bool marked = false;
	int left = (int)len;

	for (struct nlmsghdr *nlh = (void *)buf; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		marked |= nlh->nlmsg_flags & NLM_F_DUMP_INTR;
		nlh->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
	return marked;
}

/* One dump. 0, 1 when the tables changed meanwhile, or -errno. */
static int dump(const struct mnl_socket *nl, struct reading *r, int family)
{
	static char buf[BUFFER_SIZE];
	bool changed = false;
	int more = MNL_CB_OK;

	if (ask(nl, family, r->type) < 0)
		return -errno;
	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		changed |= unmark(buf, n);
		more = mnl_cb_run(buf, (size_t)n, 0, 0, on_socket, r);
	}
	return more < 0 ? -errno : changed;
}

/* A socket of its own for each, so that what an error leaves unread troubles nobody. */
static int dump_anew(struct reading *r, int family)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	int rc;

	if (!nl)
		return -errno;
	rc = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : dump(nl, r, family);
	mnl_socket_close(nl);
	return rc;
}

static int read_one(struct diag_list *list, int family, int type)
{
	struct reading r = { list, type };
	size_t before = list->count;
	int rc = 1;

	for (int i = 0; i < TRIES && rc == 1; i++) {
		list->count = before;
		rc = dump_anew(&r, family);
	}
	return rc < 0 ? rc : 0; /* tables that never stand still are told as they were last seen */
}

int sockdiag_read(struct diag_list *list, int type)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM }, families[] = { AF_INET, AF_INET6 };
	int rc = 0;

	*list = (struct diag_list){ 0 };
	for (size_t i = 0; i < 4 && rc == 0; i++)
		if (type == 0 || type == types[i / 2])
			rc = read_one(list, families[i % 2], types[i / 2]);
	return rc;
}

const char *diag_state_name(unsigned state)
{
	static const char *const names[] = {
		[TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN-SENT",
		[TCP_SYN_RECV] = "SYN-RECEIVED",
		[TCP_FIN_WAIT1] = "FIN-WAIT-1",
		[TCP_FIN_WAIT2] = "FIN-WAIT-2",
		[TCP_TIME_WAIT] = "TIME-WAIT",
		[TCP_CLOSE] = "CLOSED",
		[TCP_CLOSE_WAIT] = "CLOSE-WAIT",
		[TCP_LAST_ACK] = "LAST-ACK",
		[TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING",
	};

	/* A state that a later kernel adds: bound, and nothing the RFC has a name for. */
	return state && state < sizeof names / sizeof *names && names[state] ? names[state] : "CLOSED";
}

const char *diag_socket_state(const struct diag_socket *s)
{
	return s->type == SOCK_DGRAM && s->state != TCP_ESTABLISHED ? "" : diag_state_name(s->state);
}

bool diag_socket_listens(const struct diag_socket *s)
{
	return s->state == (s->type == SOCK_STREAM ? TCP_LISTEN : TCP_CLOSE);
}

bool diag_socket_connected(const struct diag_socket *s)
{
	return pb_addr_port(&s->foreign) != 0;
}

static int compare(int a, int b)
{
	return (a > b) - (a < b);
}

int diag_socket_order(const struct diag_socket *x, const struct diag_socket *y)
{
	unsigned bits;
	int order = compare(x->type, y->type);

	if (!order)
		order = compare(diag_socket_listens(y), diag_socket_listens(x));
	if (!order)
		order = compare(pb_addr_port(&x->local), pb_addr_port(&y->local));
	if (!order)
		order = compare(pb_addr_port(&x->foreign), pb_addr_port(&y->foreign));
	if (!order)
		order = compare(x->local.sa.sa_family, y->local.sa.sa_family);
	if (order)
		return order;
	const uint8_t *a = pb_addr_bytes(&x->local, &bits), *b = pb_addr_bytes(&y->local, &bits);
	return memcmp(a, b, bits / 8);
}

const char *diag_type_proto(int type)
{
	return type == SOCK_STREAM ? "tcp" : "udp";
}

const char *diag_socket_proto(const struct diag_socket *s)
{
	if (s->local.sa.sa_family != AF_INET6)
		return diag_type_proto(s->type);
	return s->type == SOCK_STREAM ? "tcp6" : "udp6";
}
