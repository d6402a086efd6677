/* ICMP of both versions: echo messages and errors. What is read and written again says the same. */
#include "wire/icmp.h"
#include "wire/icmp6.h"
#include "wire/icmp_error.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_echo(const uint8_t *data, size_t size)
{
	struct pb_icmp_echo e, same;
	uint8_t again[2048];

	if (!pb_icmp_echo_parse(&e, data, size))
		return;
	assert(e.data == data + PB_ICMP_ECHO_LEN && e.data_len == size - PB_ICMP_ECHO_LEN);
	size_t len = pb_icmp_echo_write(&e, again, sizeof again);
	if (!len) {
		assert(size > sizeof again);
		return;
	}
	assert(len == size && pb_icmp_echo_parse(&same, again, len));
	assert(same.type == e.type && same.id == e.id && same.seq == e.seq && same.data_len == e.data_len);
	pb_icmp_seal(again, len, 0);
	assert(pb_icmp_intact(again, len, 0));
}

static void try_error(const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size };
	struct icmp_error e, same;
	uint8_t again[ICMP_ERROR_LEN];

	if (!pb_icmp_error_parse(&e, &r))
		return;
	assert(pb_icmp4_is_error(e.type) && r.p == data + ICMP_ERROR_LEN && r.left == size - ICMP_ERROR_LEN);
	assert(pb_icmp_error_write(&e, &(struct writer){ .p = again, .left = sizeof again }));
	assert(pb_icmp_error_parse(&same, &(struct reader){ .p = again, .left = sizeof again }));
	assert(same.type == e.type && same.code == e.code && same.pointer == e.pointer && same.mtu == e.mtu);
}

static void try_error6(const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size };
	struct icmp6_error e, same;
	uint8_t again[ICMP6_ERROR_LEN];

	if (!pb_icmp6_error_parse(&e, &r))
		return;
	assert(icmp6_is_error(e.type) && r.p == data + ICMP6_ERROR_LEN && r.left == size - ICMP6_ERROR_LEN);
	assert(pb_icmp6_error_write(&e, &(struct writer){ .p = again, .left = sizeof again }));
	assert(pb_icmp6_error_parse(&same, &(struct reader){ .p = again, .left = sizeof again }));
	assert(same.type == e.type && same.code == e.code && same.value == e.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_echo(data, size);
	try_error(data, size);
	try_error6(data, size);
	return 0;
}
