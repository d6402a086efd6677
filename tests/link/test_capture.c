/*
 * Captures: the file is read back block by block, and has what passed, in order, with times and directions,
 * whole and finished.
 */
#include "frames.h"
#include "skip.h"
#include "wire/pcapng.h"

#include <errno.h>
#include <packetboat/device.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t payload[60000];
static char path[] = "/tmp/packetboat-capture-XXXXXX";

static uint8_t file[1 << 20];

static struct reader read_file(void)
{
	FILE *f = fopen(path, "rb");
	size_t n = fread(file, 1, sizeof file, f);

	fclose(f);
	return (struct reader){ .p = file, .left = n };
}

/* The body of the next block, whose two lengths must agree. */
static struct reader next_block(struct reader *r, uint32_t *type)
{
	*type = rd_u32(r);
	uint32_t len = rd_u32(r);
	assert_true(len % 4 == 0 && len >= 12);
	struct reader body = { .p = rd_bytes(r, len - 12), .left = len - 12 };
	assert_int_equal(rd_u32(r), len);
	assert_false(r->bad);
	return body;
}

static void check_section(struct reader *r)
{
	uint32_t type;
	struct reader b = next_block(r, &type);

	assert_int_equal(type, 0x0a0d0d0a);
	assert_int_equal(rd_u32(&b), 0x1a2b3c4d);
	assert_int_equal(rd_u16(&b), 1);
	assert_int_equal(rd_u16(&b), 0);
}

static void check_interface(struct reader *r, uint16_t link_type, const char *name)
{
	uint32_t type;
	struct reader b = next_block(r, &type);
	size_t len = strlen(name);

	assert_int_equal(type, 1);
	assert_int_equal(rd_u16(&b), link_type);
	rd_u16(&b);
	assert_int_equal(rd_u32(&b), 0);
	assert_int_equal(rd_u16(&b), 2); /* if_name */
	assert_int_equal(rd_u16(&b), len);
	assert_memory_equal(rd_bytes(&b, len), name, len);
	rd_bytes(&b, PCAPNG_PADDING(len));
	assert_int_equal(rd_u16(&b), 9); /* if_tsresol */
	assert_int_equal(rd_u16(&b), 1);
	assert_int_equal(rd_u8(&b), 9);
	rd_bytes(&b, 3);
	assert_int_equal(rd_u32(&b), 0);
	assert_true(!b.bad && b.left == 0);
}

/* The bytes of the next packet. */
static struct reader check_packet(struct reader *r, uint32_t interface, uint64_t time, uint32_t direction)
{
	uint32_t type;
	struct reader b = next_block(r, &type);

	assert_int_equal(type, 6);
	assert_int_equal(rd_u32(&b), interface);
	uint64_t high = rd_u32(&b);
	assert_true((high << 32 | rd_u32(&b)) == time);
	uint32_t len = rd_u32(&b);
	assert_int_equal(rd_u32(&b), len);
	struct reader packet = { .p = rd_bytes(&b, len), .left = len };
	rd_bytes(&b, PCAPNG_PADDING(len));
	assert_int_equal(rd_u16(&b), 2); /* epb_flags */
	assert_int_equal(rd_u16(&b), 4);
	assert_int_equal(rd_u32(&b), direction);
	assert_int_equal(rd_u32(&b), 0);
	assert_true(!b.bad && b.left == 0);
	return packet;
}

/* Two devices write: packets of every padding, and a super-segment, which is on the wire as its segments. */
static void what_passed(void **state)
{
	const pb_time epoch = PB_SEC(1700000000);
	struct pb_pool *pool = pb_pool_new(1 << 20);
	struct pb_device *end[2], *captured[2];
	struct pb_capture *c;
	struct random r = { 1 };

	(void)state;
	assert_int_equal(pb_capture_open(path, epoch, &c), 0);
	pb_device_pair(65535, true, 10, end);
	assert_int_equal(pb_device_capture(end[0], c, "west", &captured[0]), 0);
	assert_int_equal(pb_device_capture(end[1], c, "east", &captured[1]), 0);
	for (size_t n = 0; n < 6; n++) {
		const struct shape s = { .ethernet = true,
					 .protocol = n == 5 ? IPPROTO_TCP : IPPROTO_UDP,
					 .payload = n == 5 ? 50000 : n,
					 .part_max = 10000,
					 .checksum_wanted = n & 1,
					 .segment_size = n == 5 ? 1000 : 0,
					 .flags = TCP_ACK };
		struct pb_buf *sent = frame_new(pool, &s, payload, &r);
		captured[0]->ops->send(captured[0], (pb_time)n, sent);
		struct pb_buf *came = captured[1]->ops->receive(captured[1], (pb_time)n + 100, pool);
		assert_ptr_equal(came, sent); /* itself, as it was */
		assert_int_equal(came->segment_size, s.segment_size);
		assert_int_equal(came->checksum,
				 s.checksum_wanted ? PB_CHECKSUM_WANTED : PB_CHECKSUM_UNKNOWN);
		pb_buf_free(came);
	}
	assert_null(captured[1]->ops->receive(captured[1], 0, pool));
	pb_device_close(captured[0]);
	pb_device_close(captured[1]);
	assert_int_equal(pb_capture_close(c), 0);
	assert_int_equal(pb_pool_bytes(pool), 0);
	pb_pool_free(pool);

	struct reader f = read_file();
	check_section(&f);
	check_interface(&f, 1, "west");
	check_interface(&f, 1, "east");
	for (size_t n = 0; n < 6; n++)
		for (uint32_t side = 0; side < 2; side++)
			for (size_t piece = 0; piece < (n == 5 ? 50 : 1); piece++) {
				uint64_t time = (uint64_t)epoch + n + 100 * side;
				struct reader p = check_packet(&f, side, time, side ? 1 : 2);
				size_t len = n == 5 ? 20 + 1000 : 8 + n;
				assert_int_equal(p.left, 34 + len);
				assert_int_equal(naive_checksum(p.p + 34, len, naive_pseudo(p.p + 14, len)),
						 0);
				assert_memory_equal(p.p + p.left - (n == 5 ? 1000 : n),
						    payload + 1000 * piece, n == 5 ? 1000 : n);
			}
	assert_int_equal(f.left, 0);
}

static void no_such_directory(void **state)
{
	struct pb_capture *c;

	(void)state;
	assert_int_equal(pb_capture_open("/nonexistent/x.pcapng", 0, &c), -ENOENT);
}

/* The frames go on; that the file does not is told in the end. */
static void full_disk(void **state)
{
	struct pb_pool *pool = pb_pool_new(1 << 20);
	struct pb_device *end[2], *captured;
	struct pb_capture *c;
	struct random r = { 1 };
	const struct shape s = { .protocol = IPPROTO_UDP, .payload = 50000 };

	(void)state;
	if (pb_capture_open("/dev/full", 0, &c) != 0)
		SKIP("there is no /dev/full");
	pb_device_pair(65535, false, 10, end);
	pb_device_capture(end[0], c, "", &captured);
	for (int i = 0; i < 20; i++) {
		captured->ops->send(captured, 0, frame_new(pool, &s, payload, &r));
		struct pb_buf *b = end[1]->ops->receive(end[1], 0, pool);
		assert_non_null(b);
		pb_buf_free(b);
	}
	pb_device_close(captured);
	pb_device_close(end[1]);
	assert_int_equal(pb_capture_close(c), -ENOSPC);
	pb_pool_free(pool);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passed),
		cmocka_unit_test(no_such_directory),
		cmocka_unit_test(full_disk),
	};
	struct random r = { 3 };

	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (uint8_t)random_next(&r);
	close(mkstemp(path));
	return cmocka_run_group_tests(tests, NULL, remove_file);
}
