/*
 * Devices: what carries frames. A stack's interface has one beneath it; some wrap another (impair, capture).
 *
 * A device never calls up. The stack hands it frames to send, and asks it for those that came. Whoever drives
 * the stack asks the device what to wait for: a file descriptor to become readable, or a time.
 *
 * To write one of your own, fill in a struct pb_device with your ops; begin your own struct with it.
 */
#ifndef PACKETBOAT_DEVICE_H
#define PACKETBOAT_DEVICE_H

#include <packetboat/buf.h>
#include <packetboat/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a device can take, or-ed. What it can't, the stack does before. */
enum pb_offload {
	PB_OFFLOAD_CHECKSUM = 1, /* packets whose checksum is PB_CHECKSUM_WANTED */
	/*
	 * TCP super-segments: segment_size set, the IP packet up to 65535 bytes, which its length field can
	 * say. Only together with PB_OFFLOAD_CHECKSUM: their checksum is wanted, too.
	 */
	PB_OFFLOAD_SEGMENT = 2,
	PB_OFFLOAD_PARTS = 4, /* packets of several parts */
};

#define PB_MAC_LEN 6

struct pb_device;

struct pb_device_ops {
	const char *kind; /* "tap", for people */

	/*
	 * Send a frame; takes it. What cannot be sent is dropped and counted: a network may lose packets.
	 * Never blocks.
	 */
	void (*send)(struct pb_device *d, pb_time now, struct pb_buf *frame);

	/*
	 * The next frame that came, handed over; NULL: none now. Memory, where the device makes some, is from
	 * pool.
	 */
	struct pb_buf *(*receive)(struct pb_device *d, pb_time now, struct pb_pool *pool);

	/*
	 * When receive is worth calling: at a time; 0: now; PB_NEVER: not before the descriptor is readable
	 * or a peer sends.
	 */
	pb_time (*next)(const struct pb_device *d);

	/* The descriptor that tells of frames; -1: none. */
	int (*fd)(const struct pb_device *d);

	/*
	 * Everything is sent for now: what was held back to be sent in one go leaves. NULL: nothing is ever
	 * held back.
	 */
	void (*flush)(struct pb_device *d, pb_time now);

	/* The name it has with the kernel. NULL: no device of this kind has one. */
	const char *(*name)(const struct pb_device *d);

	void (*close)(struct pb_device *d);
};

struct pb_device {
	const struct pb_device_ops *ops;
	bool ethernet; /* frames have an Ethernet header; false: they begin with the IP header (tun) */
	uint8_t mac[PB_MAC_LEN]; /* Ethernet: the address of our end */
	uint32_t mtu;            /* the largest IP packet it carries, 68 (RFC 791 §3.2) to 65535 */
	unsigned offload;        /* enum pb_offload, or-ed */
	unsigned index;          /* the kernel's, of a device that it knows, too; 0: none */
	uint64_t sent, received; /* frames */
	uint64_t send_drops, receive_drops;
};

/* Close it and free it. NULL is allowed. The stack does it for those attached to it. */
PB_API void pb_device_close(struct pb_device *d);

/*
 * Two ends of a cable in memory: what is sent at one is received at the other, by reference, with its notes.
 * At most frames_max wait at an end; the next is dropped. Both ends belong to one thread. 0 and end[0],
 * end[1], or -ENOMEM.
 */
PB_API int pb_device_pair(uint32_t mtu, bool ethernet, size_t frames_max, struct pb_device *end[2]);

/*
 * An Ethernet of many: what one end sends, the end whose MAC address it is for receives; what is for a group,
 * all the others do, copied by reference. It is a switch that knows who is where and has nothing to learn.
 * ends: 2 to 1024; end[0] to end[ends - 1] are given. 0, -EINVAL or -ENOMEM.
 */
PB_API int pb_device_wire(uint32_t mtu, size_t ends, size_t frames_max, struct pb_device *end[]);

/*
 * A TAP (Ethernet) or TUN (IP) device of the kernel's: made if there is none of that name, which needs
 * CAP_NET_ADMIN, or opened if it exists and is ours to open. name "": the kernel chooses; pb_device_name()
 * tells. Checksums and super-segments go both ways unfinished (virtio-net headers). Opened several times
 * under one name, from one process or more, it has so many queues, among which the kernel spreads flows. 0,
 * or -errno: -EPERM, -EBUSY (in use, and not with several queues), -EINVAL (a device of that name is of
 * another kind, or no name), -ENOENT (no /dev/net/tun).
 */
PB_API int pb_device_tap(const char *name, struct pb_device **device);
PB_API int pb_device_tun(const char *name, struct pb_device **device);

/* The name it has with the kernel; "" for devices that have none. */
PB_API const char *pb_device_name(const struct pb_device *d);

/*
 * What may go wrong on a wire. All zero: nothing does. Chances are from 0 to 1, each frame for itself; a
 * super-segment is cut before, as a wire has none. Frames keep their order, jitter or not, but for those that
 * are held back.
 */
struct pb_impairment {
	pb_time delay;  /* before a frame arrives */
	pb_time jitter; /* up to so much more, evenly */
	uint64_t rate;  /* bits a second; 0: no limit */
	size_t queue;   /* bytes that wait for their turn at that rate; more are dropped. 0: 256 KiB */
	/* more than so many that wait, and a packet that is ECT is marked (CE, RFC 3168 §5). 0: none is */
	size_t mark_above;
	double marking;        /* a packet that is ECT is marked */
	double loss;           /* a frame is gone */
	double duplication;    /* it arrives twice */
	double corruption;     /* one bit of it is turned */
	double reordering;     /* it is held back, so that others overtake it */
	pb_time reorder_delay; /* by so long; 0: 1 ms */
	uint32_t mtu;          /* larger IP packets are dropped, silently as a black hole does. 0: none is */
};

/*
 * Wrap a device so that what it *receives* suffers in. Each direction of a wire thus has an impairment of its
 * own. Chance is from seed and name, so that one wire does not disturb another. Takes inner, and closes it. 0
 * or -ENOMEM (inner is untouched).
 */
PB_API int pb_device_impair(struct pb_device *inner, const struct pb_impairment *in, const uint8_t seed[16],
			    const char *name, struct pb_device **device);
/* Change it while it runs. */
PB_API void pb_device_set_impairment(struct pb_device *d, const struct pb_impairment *in);

/*
 * A pcapng file that Wireshark opens (several devices may write to one). Times are nanoseconds since the
 * epoch, at which the clock shows epoch_offset + now. pb_capture_close() flushes; an error of the file's (a
 * full disk) ends the capture, and is told by it.
 */
struct pb_capture;
PB_API int pb_capture_open(const char *path, pb_time epoch_offset, struct pb_capture **capture);
PB_API int pb_capture_close(struct pb_capture *capture);
/*
 * Wrap a device so that what passes is written down, as it would be on a wire: super-segments cut, checksums
 * complete. Takes inner. capture must outlive it. 0 or -ENOMEM (inner is untouched).
 */
PB_API int pb_device_capture(struct pb_device *inner, struct pb_capture *capture, const char *name,
			     struct pb_device **device);

#ifdef __cplusplus
}
#endif
#endif
