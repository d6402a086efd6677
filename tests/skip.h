/*
 * Passing over a test that this machine has not the means for. cmocka's own skip() says "not ok" in TAP, which Meson
 * takes for a failure; this says why in a diagnostic line, where tools/count-results.py finds it.
 */
#ifndef TESTS_SKIP_H
#define TESTS_SKIP_H

#include <stdio.h>

/* In the test's own function: leave it, skipped. why is a format, with arguments. */
#define SKIP(...)                                                                                            \
	do {                                                                                                 \
		char why_[256];                                                                              \
		snprintf(why_, sizeof why_, __VA_ARGS__);                                                    \
		print_message("# SKIP %s: %s\n", __func__, why_);                                            \
		return;                                                                                      \
	} while (0)

#endif
