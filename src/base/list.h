/* Circular doubly linked lists through struct pb_link. A link that points to itself is on no list. */
#ifndef PB_BASE_LIST_H
#define PB_BASE_LIST_H

#include <packetboat/time.h>
#include <stddef.h>

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct pb_link *l)
{
	l->next = l->prev = l;
}

/* Also true of a link that was never initialised but is all zero. */
static inline bool list_empty(const struct pb_link *l)
{
	return l->next == l || !l->next;
}

/* Put l at the end of the list. */
static inline void list_push(struct pb_link *list, struct pb_link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

/* Take l off whatever list it is on; nothing happens if it is on none. */
static inline void list_remove(struct pb_link *l)
{
	if (list_empty(l))
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* Move everything from one list to the end of another. */
static inline void list_splice(struct pb_link *to, struct pb_link *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Take the first one off, or NULL. */
static inline struct pb_link *list_shift(struct pb_link *list)
{
	struct pb_link *l = list->next;

	if (list_empty(list))
		return NULL;
	list_remove(l);
	return l;
}

#define list_each(pos, list) for (struct pb_link *pos = (list)->next; pos != (list); pos = pos->next)

/* As list_each, but pos may be removed (not the one after it). */
#define list_each_safe(pos, list)                                                                            \
	for (struct pb_link *pos = (list)->next, *pos##_next = pos->next; pos != (list);                     \
	     pos = pos##_next, pos##_next = pos->next)

#endif
