#include "drill/script.h"

#include <stdlib.h>
#include <string.h>

/* Everything a script is made of is in a row of these, and freed together. */
struct script_memory {
	struct script_memory *next;
	_Alignas(max_align_t) unsigned char bytes[];
};

void *drill_script_alloc(struct script *s, size_t size)
{
	struct script_memory *m = calloc(1, sizeof *m + size);

	if (!m)
		return NULL;
	m->next = s->memory;
	s->memory = m;
	return m->bytes;
}

char *drill_script_text(struct script *s, const char *text, size_t len)
{
	char *copy = drill_script_alloc(s, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void drill_script_free(struct script *s)
{
	while (s->memory) {
		struct script_memory *next = s->memory->next;
		free(s->memory);
		s->memory = next;
	}
	s->events = NULL;
	s->options = NULL;
}
