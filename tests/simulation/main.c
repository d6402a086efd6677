/*
 * Talk over a bad wire, seed by seed (simulation.h).
 *
 *     simulation [--seeds N] [--first SEED]      so many runs of each kind of trouble (1,000 in all); TAP
 *     simulation --seed SEED --trouble KIND [--capture FILE]      one of them again, the frames in a pcapng
 *
 * The environment's PACKETBOAT_SEEDS says N, too.
 */
#include "simulation.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS_DEFAULT 1000 /* in all */
#define TWICE         20   /* the first so many are run twice, and must go the same way */

static const struct option options[] = {
	{"seeds",    required_argument, NULL, 'n'},
        { "first",   required_argument, NULL, 'f'},
	{ "seed",    required_argument, NULL, 's'},
        { "trouble", required_argument, NULL, 't'},
	{ "capture", required_argument, NULL, 'c'},
        { NULL,      0,                 NULL, 0  },
};

static void replay_hint(const char *program, uint64_t seed, enum trouble t, const char *capture)
{
	printf("# replay: %s --seed %llu --trouble %d --capture %s\n", program, (unsigned long long)seed, t,
	       capture);
}

/* It failed: once more, writing down what happens. */
static void leave_capture(const char *program, uint64_t seed, enum trouble t, const struct outcome *o)
{
	char path[64];

	snprintf(path, sizeof path, "simulation-%d-%llu.pcapng", t, (unsigned long long)seed);
	printf("# seed %llu: %s\n", (unsigned long long)seed, o->why);
	simulate(seed, t, path);
	replay_hint(program, seed, t, path);
}

/* Returns how many failed. */
static unsigned run_trouble(const char *program, enum trouble t, uint64_t first, uint64_t seeds)
{
	struct pb_counters sum = { 0 };
	uint64_t bytes = 0;
	unsigned failed = 0, talks = 0, errors = 0, signed_seeds = 0, key_steps = 0;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		struct outcome o = simulate(seed, t, NULL);
		if (o.ok && seed < first + TWICE && simulate(seed, t, NULL).digest != o.digest) {
			o.ok = false;
			snprintf(o.why, sizeof o.why, "the same seed went another way");
		}
		if (!o.ok && failed++ < 3)
			leave_capture(program, seed, t, &o);
		bytes += o.bytes;
		talks += o.talks;
		errors += o.errors;
		signed_seeds += o.signs;
		key_steps += o.key_steps;
		sum.tcp.RetransSegs += o.counters.tcp.RetransSegs;
		sum.tcp.OutSegs += o.counters.tcp.OutSegs;
		sum.tcp.Timeouts += o.counters.tcp.Timeouts;
		sum.tcp.IdleSleeps += o.counters.tcp.IdleSleeps;
		sum.tcp.FastOpenPassive += o.counters.tcp.FastOpenPassive;
		sum.tcp.EcnReductions += o.counters.tcp.EcnReductions;
		sum.ip.InCEPkts += o.counters.ip.InCEPkts;
	}
	printf("%sok %d - %s: %llu seeds, %u talks, %.1f MB, %u errors reported, %.1f %% sent again, %llu "
	       "time-outs, %llu sleeps, %llu marks, %llu windows reduced for them, %llu calls taken at once; "
	       "%u "
	       "seeds signed, %u key steps\n",
	       failed ? "not " : "", t + 1, trouble_name[t], (unsigned long long)seeds, talks,
	       (double)bytes / 1e6, errors,
	       sum.tcp.OutSegs ? 100.0 * (double)sum.tcp.RetransSegs / (double)sum.tcp.OutSegs : 0.0,
	       (unsigned long long)sum.tcp.Timeouts, (unsigned long long)sum.tcp.IdleSleeps,
	       (unsigned long long)sum.ip.InCEPkts, (unsigned long long)sum.tcp.EcnReductions,
	       (unsigned long long)sum.tcp.FastOpenPassive, signed_seeds, key_steps);
	fflush(stdout);
	return failed;
}

static int run_one(uint64_t seed, enum trouble t, const char *capture)
{
	struct outcome o = simulate(seed, t, capture);

	printf("%s, seed %llu: %s; %u talks, %llu bytes, %u errors reported (%s), %.3f s of virtual time, "
	       "digest %016llx\n",
	       trouble_name[t], (unsigned long long)seed, o.ok ? "all is well" : o.why, o.talks,
	       (unsigned long long)o.bytes, o.errors, strerror(o.error), (double)o.took / 1e9,
	       (unsigned long long)o.digest);
	return o.ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *env = getenv("PACKETBOAT_SEEDS"), *capture = NULL;
	uint64_t seeds = strtoull(env ? env : "0", NULL, 10), first = 1, seed = 0;
	unsigned trouble = TROUBLES, failed = 0;
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (id == '?')
			return 2;
		uint64_t n = strtoull(optarg, NULL, 0);
		if (id == 'c')
			capture = optarg;
		else if (id == 't')
			trouble = (unsigned)n;
		else
			*(id == 'n' ? &seeds : id == 'f' ? &first : &seed) = n;
	}
	if (trouble < TROUBLES)
		return run_one(seed, (enum trouble)trouble, capture);
	if (!seeds)
		seeds = (SEEDS_DEFAULT + TROUBLES - 1) / TROUBLES;
	printf("1..%d\n", TROUBLES);
	for (int t = 0; t < TROUBLES; t++)
		failed += run_trouble(argv[0], (enum trouble)t, first, seeds);
	return failed ? 1 : 0;
}
