/*
 * TAP and TUN devices, with the kernel's own TCP at their other side: handshakes whose checksums nobody
 * completed, and super-segments both ways, arrive. In a network namespace of the test's own, which takes
 * CAP_SYS_ADMIN.
 */
#include "frames.h"
#include "skip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <net/if.h>
#include <packetboat/device.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MEANS "takes root, network namespaces and /dev/net/tun"

#define BULK       60000
#define OUR_PORT   80
#define HEADERS    (IP4_HEADER_LEN + TCP_HEADER_LEN)
#define IMPATIENCE 5000 /* ms: what has not come by then does not come */

static const uint8_t kernels_ip[4] = { 10, 9, 0, 1 }, our_ip[4] = { 10, 9, 0, 2 };
static bool permitted;
static uint8_t text[BULK];

struct rig {
	struct pb_pool *pool;
	struct pb_device *device;
	int kernel; /* the kernel's socket */
	size_t l2;
	struct tcp_header tcp; /* of the last segment that came */
};

static void set_address(struct ifreq *request, const uint8_t ip[4])
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	memcpy(&a.sin_addr, ip, 4);
	memcpy(&request->ifr_addr, &a, sizeof a);
}

/* 10.9.0.1/24 for the kernel's end, and where 10.9.0.2 is. */
static void configure(const struct pb_device *d)
{
	struct ifreq request = { 0 };
	struct arpreq neighbour = { .arp_flags = ATF_COM | ATF_PERM };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(request.ifr_name, pb_device_name(d));
	set_address(&request, kernels_ip);
	assert_int_equal(ioctl(s, SIOCSIFADDR, &request), 0);
	set_address(&request, (const uint8_t[]){ 255, 255, 255, 0 });
	assert_int_equal(ioctl(s, SIOCSIFNETMASK, &request), 0);
	request.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(s, SIOCSIFFLAGS, &request), 0);
	if (d->ethernet) {
		struct sockaddr_in a = { .sin_family = AF_INET };
		memcpy(&a.sin_addr, our_ip, 4);
		memcpy(&neighbour.arp_pa, &a, sizeof a);
		neighbour.arp_ha.sa_family = ARPHRD_ETHER;
		memcpy(neighbour.arp_ha.sa_data, d->mac, PB_MAC_LEN);
		strcpy(neighbour.arp_dev, pb_device_name(d));
		assert_int_equal(ioctl(s, SIOCSARP, &neighbour), 0);
	}
	close(s);
}

static struct rig rig_new(bool tap)
{
	struct rig rig = { .pool = pb_pool_new(16 << 20), .l2 = tap ? ETHERNET_HEADER_LEN : 0 };

	assert_int_equal(tap ? pb_device_tap("", &rig.device) : pb_device_tun("", &rig.device), 0);
	assert_int_equal(rig.device->ethernet, tap);
	assert_int_equal(rig.device->mtu, 1500);
	assert_int_equal(if_nametoindex(pb_device_name(rig.device)) != 0, 1);
	configure(rig.device);
	return rig;
}

static void rig_free(struct rig *rig)
{
	char name[IFNAMSIZ];

	strcpy(name, pb_device_name(rig->device));
	close(rig->kernel);
	pb_device_close(rig->device);
	assert_int_equal(if_nametoindex(name), 0); /* nobody asked it to stay */
	assert_int_equal(pb_pool_bytes(rig->pool), 0);
	pb_pool_free(rig->pool);
}

/* The next TCP segment from the kernel; what else it says (IPv6, say) is passed over. */
static struct pb_buf *next_segment(struct rig *rig)
{
	struct pb_device *d = rig->device;
	struct pollfd readable = { .fd = d->ops->fd(d), .events = POLLIN };

	for (;;) {
		struct pb_buf *b = d->ops->receive(d, 0, rig->pool);
		struct ip4_header ip;
		if (!b) {
			assert_int_equal(poll(&readable, 1, IMPATIENCE), 1);
			continue;
		}
		struct reader r = { .p = b->data + rig->l2, .left = b->len - rig->l2 };
		if (pb_ip4_parse(&ip, &r, b->total - rig->l2) && ip.protocol == IPPROTO_TCP &&
		    pb_tcp_parse(&rig->tcp, &r))
			return b;
		pb_buf_free(b);
	}
}

/* Send a segment in answer to the last one; what is open about its checksum is left open. */
static void answer(struct rig *rig, uint16_t flags, uint32_t seq, uint32_t ack, const uint8_t *data,
		   size_t len, uint16_t segment_size)
{
	struct pb_device *d = rig->device;
	struct pb_buf *b = pb_buf_new(rig->pool, 0, 128);
	struct writer w = { .p = pb_buf_extend(b, rig->l2 + HEADERS), .left = rig->l2 + HEADERS };
	struct ethernet_header e = { .type = ETHERNET_IP4 };
	const struct ip4_header ip = { .len = IP4_HEADER_LEN,
				       .packet_len = (uint16_t)(HEADERS + len),
				       .ttl = 64,
				       .protocol = IPPROTO_TCP,
				       .src = ip_from4(our_ip),
				       .dst = ip_from4(kernels_ip) };
	struct tcp_header tcp = { .src_port = OUR_PORT,
				  .dst_port = rig->tcp.src_port,
				  .seq = seq,
				  .ack = ack,
				  .flags = flags,
				  .window = 65535 };

	memcpy(e.src, d->mac, PB_MAC_LEN);
	memcpy(e.dst, d->mac, PB_MAC_LEN);
	e.dst[PB_MAC_LEN - 1] ^= 1;
	if (rig->l2)
		pb_ethernet_write(&e, &w);
	pb_ip4_write(&ip, &w);
	b->transport = w.p;
	tcp.checksum =
		(uint16_t)~naive_checksum(NULL, 0, naive_pseudo(b->data + rig->l2, TCP_HEADER_LEN + len));
	pb_tcp_write(&tcp, &w);
	b->checksum = PB_CHECKSUM_WANTED;
	b->checksum_offset = TCP_CHECKSUM_AT;
	b->segment_size = segment_size;
	for (size_t at = 0; at < len; at += 256) { /* more parts than one system call takes */
		size_t n = len - at < 256 ? len - at : 256;
		struct pb_buf *part = pb_buf_new(rig->pool, 0, n);
		memcpy(pb_buf_extend(part, n), data + at, n);
		pb_buf_append(b, part);
	}
	uint64_t sent = d->sent;
	d->ops->send(d, 0, b);
	assert_int_equal(d->sent, sent + 1);
}

/* The kernel connects to us. */
static void handshake(struct rig *rig)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(OUR_PORT) };

	memcpy(&to.sin_addr, our_ip, 4);
	rig->kernel = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(connect(rig->kernel, (struct sockaddr *)&to, sizeof to), -1);
	struct pb_buf *b = next_segment(rig);
	assert_int_equal(rig->tcp.flags, TCP_SYN);
	assert_int_equal(b->checksum, PB_CHECKSUM_WANTED); /* it never was on a wire */
	assert_ptr_equal(b->transport, b->data + rig->l2 + IP4_HEADER_LEN);
	assert_int_equal(b->checksum_offset, TCP_CHECKSUM_AT);
	assert_null(b->more);
	pb_buf_free(b);
	answer(rig, TCP_SYN | TCP_ACK, 1000, rig->tcp.seq + 1, NULL, 0, 0);
	b = next_segment(rig);
	assert_int_equal(rig->tcp.flags, TCP_ACK);
	assert_int_equal(rig->tcp.ack, 1001);
	pb_buf_free(b);
}

/* The kernel sends; its segments come whole, with the size to cut them to, and acknowledged they go on. */
static void kernel_sends(struct rig *rig)
{
	static uint8_t got[BULK];
	uint32_t first = rig->tcp.seq, end = first;
	bool super = false;

	assert_int_equal(send(rig->kernel, text, BULK, 0), BULK);
	while (end - first < BULK) {
		struct pb_buf *b = next_segment(rig);
		uint32_t len = b->total - (uint32_t)rig->l2 - IP4_HEADER_LEN - rig->tcp.len;
		uint32_t at = rig->tcp.seq - first;
		assert_true(at <= BULK && len <= BULK - at);
		assert_int_equal(b->checksum, PB_CHECKSUM_WANTED);
		assert_true(len <= 1460 || (b->segment_size > 0 && b->segment_size <= 1460));
		super |= b->segment_size && b->more;
		pb_buf_copy(b, b->total - len, got + at, len);
		pb_buf_free(b);
		if (at + len > end - first)
			end = first + at + len;
		answer(rig, TCP_ACK, 1001, end, NULL, 0, 0);
	}
	assert_true(super);
	assert_memory_equal(got, text, BULK);
	rig->tcp.seq = end;
}

/* We send, in one super-segment; the kernel's socket reads it. */
static void kernel_receives(struct rig *rig)
{
	static uint8_t got[BULK];
	struct pollfd readable = { .fd = rig->kernel, .events = POLLIN };

	answer(rig, TCP_ACK | TCP_PSH, 1001, rig->tcp.seq, text, BULK, 1460);
	for (size_t n = 0; n < BULK;) {
		assert_int_equal(poll(&readable, 1, IMPATIENCE), 1);
		ssize_t k = recv(rig->kernel, got + n, BULK - n, 0);
		assert_true(k > 0);
		n += (size_t)k;
	}
	assert_memory_equal(got, text, BULK);
}

static void bulk_both_ways(bool tap)
{
	struct rig rig = rig_new(tap);
	handshake(&rig);
	kernel_sends(&rig);
	kernel_receives(&rig);
	assert_int_equal(rig.device->send_drops + rig.device->receive_drops, 0);
	rig_free(&rig);
}

static void over_tap(void **state)
{
	(void)state;
	if (!permitted)
		SKIP(MEANS);
	bulk_both_ways(true);
}

static void over_tun(void **state)
{
	(void)state;
	if (!permitted)
		SKIP(MEANS);
	bulk_both_ways(false);
}

/* Without memory a frame is dropped, and does not keep the descriptor readable. */
static void out_of_memory(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	(void)state;
	if (!permitted)
		SKIP(MEANS);
	struct rig rig = rig_new(false);
	struct pb_device *d = rig.device;
	struct pb_pool *none = pb_pool_new(0), *one = pb_pool_new(2048);
	memcpy(&to.sin_addr, our_ip, 4);
	rig.kernel = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(rig.kernel, text, 10, 0, (struct sockaddr *)&to, sizeof to);
	while (poll(&(struct pollfd){ .fd = d->ops->fd(d), .events = POLLIN }, 1, 0) == 1)
		assert_null(d->ops->receive(d, 0, none));
	assert_true(d->receive_drops > 0);
	uint64_t before = d->receive_drops;
	pb_pool_free(none);

	struct ifreq request = { .ifr_mtu = 9000 }; /* longer than the one block that there is */
	strcpy(request.ifr_name, pb_device_name(d));
	assert_int_equal(ioctl(rig.kernel, SIOCSIFMTU, &request), 0);
	sendto(rig.kernel, text, 8000, 0, (struct sockaddr *)&to, sizeof to);
	while (d->receive_drops == before)
		pb_buf_free(d->ops->receive(d, 0, one));
	sendto(rig.kernel, text, 1000, 0, (struct sockaddr *)&to, sizeof to);
	struct pb_buf *b;
	while (!(b = d->ops->receive(d, 0, one)) || b->total != 1028)
		pb_buf_free(b);
	pb_buf_free(b);
	rig_free(&rig);
	assert_int_equal(pb_pool_bytes(one), 0);
	pb_pool_free(one);
}

/* Opened twice, it has two queues, and both carry frames. */
static void queues(void **state)
{
	struct pb_device *second, *other;

	(void)state;
	if (!permitted)
		SKIP(MEANS);
	struct rig rig = rig_new(true);
	assert_int_equal(pb_device_tap(pb_device_name(rig.device), &second), 0);
	assert_string_equal(pb_device_name(second), pb_device_name(rig.device));
	assert_memory_equal(second->mac, rig.device->mac, PB_MAC_LEN);
	assert_int_equal(pb_device_tun(pb_device_name(rig.device), &other), -EINVAL); /* another kind */
	rig.kernel = socket(AF_INET, SOCK_STREAM, 0);
	struct pb_device *first = rig.device;
	for (int i = 0; i < 2; i++) {
		rig.device = i ? second : first;
		answer(&rig, TCP_ACK, 1, 1, NULL, 0, 0);
	}
	rig.device = first;
	pb_device_close(second);
	rig_free(&rig);
}

static void bad_names(void **state)
{
	struct pb_device *d;

	(void)state;
	assert_int_equal(pb_device_tap("a-name-of-sixteen", &d), -EINVAL);
	if (permitted)
		assert_int_equal(pb_device_tap("a/b", &d), -EINVAL);
}

/* Whoever may not make one is told so. */
static void not_permitted(void **state)
{
	struct pb_device *d;

	(void)state;
	if (!permitted)
		SKIP(MEANS);
	assert_int_equal(seteuid(65534), 0);
	int error = pb_device_tap("", &d);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(error, -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_tap), cmocka_unit_test(over_tun),  cmocka_unit_test(out_of_memory),
		cmocka_unit_test(queues),   cmocka_unit_test(bad_names), cmocka_unit_test(not_permitted),
	};
	struct random r = { 5 };

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)random_next(&r);
	permitted = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && access("/dev/net/tun", R_OK | W_OK) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
