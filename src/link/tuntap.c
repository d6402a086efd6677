/*
 * TAP and TUN devices of the kernel's: a file whose reads and writes are a frame each, behind a virtio-net
 * header.
 *
 * How long the next frame is, nobody knows before it is read: so it is read into a row of blocks of the pool,
 * of which it takes as many as it fills, and those are replaced. Nothing is copied, and a short frame holds
 * no long block. The row is no longer than what the kernel takes without allocating memory for it
 * (UIO_FASTIOV, 8 pieces).
 */
#include "base/list.h"
#include "link/vnet.h"
#include "wire/ethernet.h"

#include <packetboat/device.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FRAME_MAX      (ETHERNET_HEADER_LEN + 65535)
#define SMALL          2048 /* a frame of the usual MTU fits into one */
#define SMALL_BLOCKS   3
#define LARGE          16384
#define LARGE_BLOCKS   4
#define BLOCKS         (SMALL_BLOCKS + LARGE_BLOCKS)
#define SEND_PARTS_MAX 128 /* a packet of more parts is put together before */
#define MTU_DEFAULT    1500

static_assert(SMALL_BLOCKS * SMALL + LARGE_BLOCKS * LARGE >= FRAME_MAX, "any frame fits into the row");
static_assert(1 + BLOCKS <= 8, "UIO_FASTIOV");

struct tuntap {
	struct pb_device device;
	int fd;
	char name[IFNAMSIZ];
	uint8_t header[VIRTIO_NET_HEADER_LEN]; /* of the frame being read */
	struct pb_buf *block[BLOCKS];          /* empty; NULL: to be replaced */
	struct iovec room[1 + BLOCKS];         /* the header, and the blocks */
	uint8_t overflow;  /* the kernel cuts a frame to the room there is, and does not say so */
	uint8_t *together; /* FRAME_MAX bytes; NULL until a packet of many parts is sent */
};

static struct tuntap *tuntap_of(const struct pb_device *d)
{
	return container_of(d, struct tuntap, device);
}

static size_t block_size(int i)
{
	return i < SMALL_BLOCKS ? SMALL : LARGE;
}

/* Replace the blocks that are gone. Returns how many there are, from the first on. */
static int refill(struct tuntap *t, struct pb_pool *pool)
{
	int i = 0;

	for (; i < BLOCKS; i++) {
		if (t->block[i])
			continue;
		t->block[i] = pb_buf_new(pool, 0, block_size(i));
		if (!t->block[i])
			break;
		t->room[1 + i] = (struct iovec){ .iov_base = t->block[i]->data, .iov_len = block_size(i) };
	}
	return i;
}

/* Read into the header and so many blocks. More comes only from a frame for which they are too few. */
static ssize_t read_frame(struct tuntap *t, int blocks)
{
	struct iovec *behind = &t->room[1 + blocks];

	if (blocks == BLOCKS)
		return readv(t->fd, t->room, 1 + BLOCKS);
	*behind = (struct iovec){ .iov_base = &t->overflow, .iov_len = 1 };
	return readv(t->fd, t->room, 1 + blocks + 1);
}

/* Make a frame of the first blocks, into which len bytes have been read. NULL: those are not all of it. */
static struct pb_buf *take_blocks(struct tuntap *t, int blocks, size_t len)
{
	struct pb_buf *frame = NULL;
	int i = 0;

	do {
		size_t n = len < block_size(i) ? len : block_size(i);
		struct pb_buf *b = t->block[i];
		t->block[i] = NULL;
		pb_buf_extend(b, n);
		if (frame)
			pb_buf_append(frame, b);
		else
			frame = b;
		len -= n;
	} while (len && ++i < blocks);
	if (!len)
		return frame;
	pb_buf_free(frame);
	return NULL;
}

/* No memory: frames are dropped, lest the descriptor stay readable for ever. */
static struct pb_buf *discard_frame(struct tuntap *t)
{
	t->device.receive_drops += readv(t->fd, t->room, 1) > 0;
	return NULL;
}

static struct pb_buf *receive_frame(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct tuntap *t = tuntap_of(d);
	struct virtio_net_header h;

	(void)now;
	int blocks = refill(t, pool);
	if (!blocks)
		return discard_frame(t);
	ssize_t n = read_frame(t, blocks);
	if (n < 0)
		return NULL;
	struct reader r = { .p = t->header,
			    .left = (size_t)n < sizeof t->header ? (size_t)n : sizeof t->header };
	size_t len = (size_t)n - r.left;
	struct pb_buf *frame = pb_virtio_net_parse(&h, &r) ? take_blocks(t, blocks, len) : NULL;
	if (!frame || !pb_vnet_note(frame, &h)) {
		pb_buf_free(frame);
		d->receive_drops++;
		return NULL;
	}
	d->received++;
	return frame;
}

/* What to write, in parts of the packet or put together. Returns how many; 0: it cannot be sent. */
static int gather(struct tuntap *t, const struct pb_buf *frame, struct iovec *part)
{
	int count = 0;

	for (const struct pb_buf *b = frame; b && count <= SEND_PARTS_MAX; b = b->more, count++)
		if (count < SEND_PARTS_MAX)
			part[count] = (struct iovec){ .iov_base = b->data, .iov_len = b->len };
	if (count <= SEND_PARTS_MAX)
		return count;
	if (!t->together)
		t->together = malloc(FRAME_MAX);
	if (!t->together || frame->total > FRAME_MAX)
		return 0;
	pb_buf_copy(frame, 0, t->together, frame->total);
	part[0] = (struct iovec){ .iov_base = t->together, .iov_len = frame->total };
	return 1;
}

static void send_frame(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct tuntap *t = tuntap_of(d);
	struct iovec out[1 + SEND_PARTS_MAX];
	uint8_t header[VIRTIO_NET_HEADER_LEN];
	const struct virtio_net_header h = pb_vnet_header(frame, d->ethernet);

	(void)now;
	pb_virtio_net_write(&h, &(struct writer){ .p = header, .left = sizeof header });
	out[0] = (struct iovec){ .iov_base = header, .iov_len = sizeof header };
	int parts = gather(t, frame, out + 1);
	if (parts && writev(t->fd, out, 1 + parts) >= 0)
		d->sent++;
	else
		d->send_drops++;
	pb_buf_free(frame);
}

/* Nobody but the descriptor tells. */
static pb_time next_frame(const struct pb_device *d)
{
	(void)d;
	return PB_NEVER;
}

static int device_fd(const struct pb_device *d)
{
	return tuntap_of(d)->fd;
}

static const char *device_name(const struct pb_device *d)
{
	return tuntap_of(d)->name;
}

static void close_device(struct pb_device *d)
{
	struct tuntap *t = tuntap_of(d);

	for (int i = 0; i < BLOCKS; i++)
		pb_buf_free(t->block[i]);
	if (t->fd >= 0)
		close(t->fd);
	free(t->together);
	free(t);
}

#define TUNTAP_OPS(name_of_kind)                                                                             \
	{                                                                                                    \
		.kind = name_of_kind, .send = send_frame, .receive = receive_frame, .next = next_frame,      \
		.fd = device_fd, .name = device_name, .close = close_device                                  \
	}
static const struct pb_device_ops tap_ops = TUNTAP_OPS("tap"), tun_ops = TUNTAP_OPS("tun");

/*
 * Make or open the device, with several queues if it can have them: what exists may have been made without.
 */
static int attach(struct tuntap *t, const char *name, short kind)
{
	struct ifreq request = { 0 };

	for (int queues = IFF_MULTI_QUEUE;; queues = 0) {
		memcpy(request.ifr_name, name, strlen(name));
		request.ifr_flags = (short)(kind | IFF_NO_PI | IFF_VNET_HDR | queues);
		if (ioctl(t->fd, TUNSETIFF, &request) == 0)
			break;
		if (errno != EINVAL || !queues)
			return -errno;
	}
	memcpy(t->name, request.ifr_name, sizeof t->name);
	return 0;
}

static int set_offloads(struct tuntap *t)
{
	int header_len = VIRTIO_NET_HEADER_LEN, yes = 1;

	if (ioctl(t->fd, TUNSETVNETHDRSZ, &header_len) < 0 || ioctl(t->fd, TUNSETVNETLE, &yes) < 0 ||
	    ioctl(t->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
		return -errno;
	return 0;
}

/*
 * The kernel's end has an address of its own. Ours is the same but for a bit, so that all queues of a device
 * agree on it without having to talk.
 */
static int get_mac(struct tuntap *t)
{
	struct ifreq request = { 0 };

	if (!t->device.ethernet)
		return 0;
	if (ioctl(t->fd, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	memcpy(t->device.mac, request.ifr_hwaddr.sa_data, PB_MAC_LEN);
	t->device.mac[PB_MAC_LEN - 1] ^= 1;
	return 0;
}

static uint32_t kernels_mtu(const struct tuntap *t)
{
	struct ifreq request = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(request.ifr_name, t->name, sizeof t->name);
	if (s < 0 || ioctl(s, SIOCGIFMTU, &request) < 0)
		request.ifr_mtu = MTU_DEFAULT;
	if (s >= 0)
		close(s);
	return (uint32_t)request.ifr_mtu;
}

static int open_device(struct tuntap *t, const char *name, short kind)
{
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return errno == EACCES ? -EPERM : -errno;
	int error = attach(t, name, kind);
	if (!error)
		error = set_offloads(t);
	if (!error)
		error = get_mac(t);
	if (!error)
		t->device.mtu = kernels_mtu(t);
	t->device.index = if_nametoindex(t->name);
	return error;
}

static int new_device(const char *name, short kind, const struct pb_device_ops *ops,
		      struct pb_device **device)
{
	struct tuntap *t = strlen(name) < IFNAMSIZ ? calloc(1, sizeof *t) : NULL;

	if (!t)
		return strlen(name) < IFNAMSIZ ? -ENOMEM : -EINVAL;
	t->device = (struct pb_device){
		.ops = ops,
		.ethernet = kind == IFF_TAP,
		.offload = PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_SEGMENT | PB_OFFLOAD_PARTS,
	};
	t->room[0] = (struct iovec){ .iov_base = t->header, .iov_len = sizeof t->header };
	int error = open_device(t, name, kind);
	if (error)
		close_device(&t->device);
	else
		*device = &t->device;
	return error;
}

int pb_device_tap(const char *name, struct pb_device **device)
{
	return new_device(name, IFF_TAP, &tap_ops, device);
}

int pb_device_tun(const char *name, struct pb_device **device)
{
	return new_device(name, IFF_TUN, &tun_ops, device);
}
