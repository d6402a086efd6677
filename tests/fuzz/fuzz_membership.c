/* A router's questions after groups, IGMP's and MLD's: what is read is inside of what came, and can be answered. */
#include "wire/membership.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_query(bool v6, const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size };
	struct membership_query q;
	uint8_t report[MEMBERSHIP_REPORT_LEN + MEMBERSHIP_RECORD_MAX];

	if (!pb_membership_query_parse(v6, &q, &r))
		return;
	assert(r.p >= data && r.p + r.left <= data + size);
	assert(ip_is4(&q.group) == !v6);
	struct writer w = { .p = report, .left = sizeof report };
	assert(pb_membership_report_write(v6, 1, &w));
	assert(pb_membership_record_write(MEMBERSHIP_IS_EXCLUDE, &q.group, 0, &w));
}

static void try_report(bool v6, const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size };
	uint8_t again[MEMBERSHIP_OLDER_MAX];
	struct writer w = { .p = again, .left = sizeof again };
	struct ip group;

	if (!pb_membership_older_report_parse(v6, &group, &r))
		return;
	assert(ip_is4(&group) == !v6 && ip_is_multicast(&group));
	assert(pb_membership_older_write(data[0], &group, &w));
	assert(size >= sizeof again - w.left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	try_query(data[0] & 1, data + 1, size - 1);
	try_report(data[0] & 1, data + 1, size - 1);
	return 0;
}
