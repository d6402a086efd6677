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
	PB_OFFLOAD_SEGMENT =
		2, /* super-segments: segment_size set, up to 64 KiB of TCP payload; checksum wanted, too */
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

	void (*close)(struct pb_device *d);
};

struct pb_device {
	const struct pb_device_ops *ops;
	bool ethernet; /* frames have an Ethernet header; false: they begin with the IP header (tun) */
	uint8_t mac[PB_MAC_LEN]; /* Ethernet: the address of our end */
	uint32_t mtu;            /* the largest IP packet it carries, 68 (RFC 791 §3.2) to 65535 */
	unsigned offload;        /* enum pb_offload, or-ed */
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
 * A wire of many: what one end sends, the ends that it is for receive (by MAC address; the group addresses,
 * all of them), as on a hub that learnt nothing and needs not to. A frame that several receive is copied by
 * reference. ends: 2 to 1024.
 */
PB_API int pb_device_wire(uint32_t mtu, size_t ends, size_t frames_max, struct pb_device **end);

/*
 * A TAP (Ethernet) or TUN (IP) device of the kernel's: made if there is none of that name, which needs
 * CAP_NET_ADMIN, or opened if it exists and is ours to open. name "": the kernel chooses; *device's text is
 * by pb_device_name(). With virtio-net headers: checksums and super-segments go both ways unfinished. 0, or
 * -errno: -EPERM, -EBUSY, -ENOENT (no /dev/net/tun).
 */
PB_API int pb_device_tap(const char *name, struct pb_device **device);
PB_API int pb_device_tun(const char *name, struct pb_device **device);

/* The name it has with the kernel; "" for devices that have none. */
PB_API const char *pb_device_name(const struct pb_device *d);

/* What may go wrong on a wire. All zero: nothing does. Chances are from 0 to 1, each frame for itself. */
struct pb_impairment {
	pb_time delay;  /* before a frame arrives */
	pb_time jitter; /* up to so much more, evenly */
	uint64_t rate;  /* bits a second; 0: no limit */
	size_t queue;   /* bytes that wait for their turn at that rate; more are dropped. 0: 256 KiB */
	double loss, duplication, corruption; /* corruption: one bit of the frame is turned */
	double reordering;     /* a frame is held back, so that up to reorder_depth others overtake it */
	pb_time reorder_delay; /* by how long it is held back; 0: 1 ms */
	uint32_t
		/*
		 * frames with larger IP packets are dropped, silently as a black hole does. 0: as the device
		 */
		mtu;
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
 * Wrap a device so that what passes is written down. Takes inner. Super-segments are written as they are.
 * capture must outlive it.
 */
PB_API int pb_device_capture(struct pb_device *inner, struct pb_capture *capture, const char *name,
			     struct pb_device **device);

#ifdef __cplusplus
}
#endif
#endif
