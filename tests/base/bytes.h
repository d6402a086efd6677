/* Bytes written in hexadecimal, as RFCs print them: spaces and line ends between them do not count. */
#ifndef TESTS_BASE_BYTES_H
#define TESTS_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How many there are; at most max are written. */
static inline size_t bytes_of(const char *text, uint8_t *bytes, size_t max)
{
	unsigned byte;
	size_t n = 0;

	for (int used; n < max && sscanf(text, "%2x%n", &byte, &used) == 1; text += used)
		bytes[n++] = (uint8_t)byte;
	return n;
}

#endif
