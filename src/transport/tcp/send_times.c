#include "transport/tcp/send_times.h"

#include <stdlib.h>
#include <string.h>

void pb_send_times_init(struct send_times *t)
{
	t->records = t->few;
	t->first = t->count = 0;
	t->mask = SEND_RECORDS_MIN - 1;
}

void pb_send_times_fini(struct send_times *t)
{
	if (t->records != t->few)
		free(t->records);
	t->records = NULL;
}

static struct send_record *at(const struct send_times *t, uint32_t i)
{
	return &t->records[(t->first + i) & t->mask];
}

/* Twice the room, in order from the beginning. */
static bool grow(struct send_times *t)
{
	uint32_t room = t->mask + 1;
	struct send_record *records;

	if (room >= SEND_RECORDS_MAX)
		return false;
	records = malloc(2 * room * sizeof *records);
	if (!records)
		return false;
	for (uint32_t i = 0; i < t->count; i++)
		records[i] = *at(t, i);
	pb_send_times_fini(t);
	t->records = records;
	t->first = 0;
	t->mask = 2 * room - 1;
	return true;
}

void pb_send_times_acked(struct send_times *t, seq una)
{
	while (t->count && seq_le(at(t, 0)->end, una)) {
		t->first = (t->first + 1) & t->mask;
		t->count--;
	}
}

const struct send_record *pb_send_times_newest(struct send_times *t, seq una)
{
	const struct send_record *newest = NULL;
	seq end = { 0 };

	while (t->count && seq_le(at(t, 0)->end, una)) {
		newest = at(t, 0);
		end = newest->end;
		t->first = (t->first + 1) & t->mask;
		t->count--;
	}
	if (t->count && (!newest || seq_lt(end, una)))
		newest = at(t, 0);
	return newest;
}

/* All of one record: as if the last of it had been sent with it. */
static bool join(struct send_record *latest, const struct send_record *sent)
{
	if (latest->sent != sent->sent || latest->delivered != sent->delivered)
		return false;
	latest->end = sent->end;
	latest->in_flight = sent->in_flight;
	return true;
}

void pb_send_times_add(struct send_times *t, seq una, const struct send_record *sent)
{
	if (t->count && join(at(t, t->count - 1), sent))
		return;
	if (t->count > t->mask)
		pb_send_times_acked(t, una);
	if (t->count > t->mask && !grow(t)) {
		*at(t, t->count - 1) = *sent;
		return;
	}
	*at(t, t->count++) = *sent;
}

const struct send_record *pb_send_times_find(const struct send_times *t, seq s)
{
	uint32_t lo = 0, hi = t->count;

	while (lo < hi) {
		uint32_t middle = lo + (hi - lo) / 2;
		if (seq_lt(s, at(t, middle)->end))
			hi = middle;
		else
			lo = middle + 1;
	}
	if (!t->count)
		return NULL;
	return at(t, lo < t->count ? lo : t->count - 1);
}
