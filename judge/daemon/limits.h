/*
 * Ceilings of the daemon: name, value, what happens beyond it. Those of the HTTP server itself
 * stand in lib/net/limits.h, some of them to be set by flags.
 */
#ifndef JUDGE_DAEMON_LIMITS_H
#define JUDGE_DAEMON_LIMITS_H

#include <stddef.h>

#define CONFIG_FILE_MAX    ((size_t)1 << 20) /* bytes of the settings file: refused */
#define BOARD_RELEASES_MAX 2000 /* newest releases on the board; older ones stay stored */
#define STATUS_MAX         ((size_t)64 << 10) /* bytes of a runner's status; longer is shown as {} */
#define VERDICT_JSON_MAX                                                                           \
    ((size_t)512 << 10)           /* bytes of one verdict; more: it is not stored, an error */
#define SEALED_BATCH        512   /* blocks read from the store at a time */
#define PROCESS_DEAD_MS     10000 /* a process silent for so long holds no block up */
#define NOTIFY_TRIES        6     /* calls for one notification; then it is given up and logged */
#define NOTIFY_QUEUE_MAX    1000  /* notifications waiting; more are dropped and counted */
#define NOTIFY_RECEIVER_MAX 250   /* of them for one address; more are dropped and counted */
#define NOTIFY_WORKERS      8     /* calls at a time, one an address */
#define NOTIFY_TIMEOUT_MS   15000 /* one call */

#endif
