/*
 * The state directory: one judged at a time, a name that outlives restarts.
 *
 *   DIR/lock    held (flock) while we live: a second judged on the same directory is refused
 *   DIR/node    the id of this judged, made once: its own leases are taken back at once
 *   DIR/starts  how often it was started: the id of a process start is "node.number", and of two
 *               starts of a node the one with the smaller number is known to be dead
 */
#ifndef LIB_STORE_STATE_DIR_H
#define LIB_STORE_STATE_DIR_H

#include "lib/base/err.h"

struct state_dir;

/* Makes the directory (0700) when it is missing (its parent must exist), takes the lock, reads or
 * makes the node id, counts this start. ERR_CONFLICT: another judged holds the lock (with its pid);
 * ERR_FORBIDDEN: it belongs to somebody else, or others may write to it; ERR_CORRUPT; ERR_SYSTEM.
 */
struct state_dir *state_dir_open(const char *path, struct err *err) WARN_UNUSED;
/* Gives the lock up. NULL is fine. */
void state_dir_close(struct state_dir *d);

const char *state_dir_node(const struct state_dir *d);
const char *state_dir_process(const struct state_dir *d);

#endif
