/* Secrets: compared without telling by the time it takes where they differ, and not left behind in memory. */
#ifndef PB_BASE_SECRET_H
#define PB_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Every byte is looked at, whatever the ones before it were. */
static inline bool secret_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

/* Unlike memset(), never left out because nobody reads it any more. */
static inline void secret_wipe(void *secret, size_t len)
{
	explicit_bzero(secret, len);
}

#endif
