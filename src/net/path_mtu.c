#include "net/path_mtu.h"

static pb_time first_end(const struct path_mtus *m)
{
	pb_time first = PB_NEVER;

	for (size_t n = 0; n < m->count; n++)
		if (m->entries[n].end < first)
			first = m->entries[n].end;
	return first;
}

static void expire(struct pb_timer *t)
{
	struct path_mtus *m = container_of(t, struct path_mtus, timer);

	for (size_t n = 0; n < m->count;)
		if (m->entries[n].end <= env_now(m->env))
			m->entries[n] = m->entries[--m->count];
		else
			n++;
	++*m->generation;
	if (m->count)
		pb_timers_set(&m->env->timers, t, first_end(m));
}

void pb_path_mtus_init(struct path_mtus *m, struct env *env, uint32_t *generation)
{
	m->env = env;
	m->generation = generation;
	m->count = 0;
	m->timer = (struct pb_timer){ .fn = expire };
}

void pb_path_mtus_fini(struct path_mtus *m)
{
	pb_timers_stop(&m->env->timers, &m->timer);
}

static struct path_mtu *find(const struct path_mtus *m, const struct ip *dst)
{
	for (size_t n = 0; n < m->count; n++)
		if (ip_equal(&m->entries[n].dst, dst))
			return (struct path_mtu *)&m->entries[n];
	return NULL;
}

/* A free entry, or the one that has the least time left. */
static struct path_mtu *make_room(struct path_mtus *m)
{
	struct path_mtu *least = &m->entries[0];

	if (m->count < PATH_MTU_ENTRIES)
		return &m->entries[m->count++];
	for (size_t n = 1; n < m->count; n++)
		if (m->entries[n].end < least->end)
			least = &m->entries[n];
	return least;
}

void pb_path_mtus_learn(struct path_mtus *m, const struct ip *dst, uint32_t mtu)
{
	struct path_mtu *e = find(m, dst);

	if (e && e->mtu < mtu)
		return;
	if (!e)
		e = make_room(m);
	*e = (struct path_mtu){ .dst = *dst, .mtu = mtu, .end = env_now(m->env) + PATH_MTU_AGE };
	++*m->generation;
	pb_timers_set(&m->env->timers, &m->timer, first_end(m));
}

uint32_t pb_path_mtus_find(const struct path_mtus *m, const struct ip *dst)
{
	const struct path_mtu *e = m->count ? find(m, dst) : NULL;

	return e ? e->mtu : 0;
}

uint32_t pb_path_mtu_plateau(uint32_t len)
{
	static const uint32_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296 };

	for (size_t n = 0; n < sizeof plateaus / sizeof *plateaus; n++)
		if (plateaus[n] < len)
			return plateaus[n];
	return 68;
}
