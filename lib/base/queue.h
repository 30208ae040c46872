/*
 * A bounded queue of pointers between threads. Any number of producers and consumers.
 * A full queue refuses (the caller counts what it sheds); a closed one wakes everybody.
 */
#ifndef LIB_BASE_QUEUE_H
#define LIB_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/clock.h"

struct queue;

struct queue *queue_new(const char *name, size_t limit);
void queue_free(struct queue *q); /* must be empty */
/* true when taken; false when full or closed (item stays the caller's). */
bool queue_push(struct queue *q, void *item);
/* The next item, or NULL at the deadline or when closed and empty. */
void *queue_pop(struct queue *q, struct mono deadline);
void queue_close(struct queue *q);
size_t queue_len(struct queue *q);
const char *queue_name(const struct queue *q);

#endif
