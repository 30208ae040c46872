/*
 * Ceilings and lifetimes of what is kept in Redis and in the state directory. The table in
 * lib/store/keys.h says which key they hold for.
 */
#ifndef LIB_STORE_LIMITS_H
#define LIB_STORE_LIMITS_H

#include <stddef.h>

#define STORE_VERDICTS_KEPT       10000  /* entries of a release's verdict stream, about */
#define STORE_CHANGES_KEPT        10000  /* entries of the stream of changes, about */
#define STORE_ORDERS_MAX          1000   /* orders of one release; done ones go, else refused */
#define STORE_BATCHES_MAX         100000 /* batch keys of one release; the oldest go first */
#define STORE_BATCH_KEY_SECONDS   86400  /* a batch key is known so long */
#define STORE_OPEN_SECONDS        604800 /* open blocks nobody seals (their release was deleted) */
#define STORE_PAST_SECONDS        3600   /* what a seal saw, to count late samples */
#define STORE_ALONE_MS            5000   /* without asking replicas, when they did not answer */
#define STORE_IDEMPOTENCY_SECONDS 86400  /* an Idempotency-Key of a release is known so long */
#define STORE_DOCUMENT_BYTES_MAX  (1 << 20) /* one service or template: refused */
#define STORE_ALARM_CHANGES_KEPT  16        /* last changes of an alarm that tells them */
#define STORE_ALARM_SECONDS       34560000  /* what it told last is believed so long: 400 days */
#define STORE_ALARMS_MAX          20000     /* alarms that may tell changes; another: refused */
#define STORE_ALARMS_READ_MAX     100       /* alarms read at once */

#define SEAL_BLOCK_BYTES_MAX ((size_t)16 << 20) /* one sealed block, encoded: an error */
#define SEAL_BASE_KEPT_US                                                                          \
    (3600 * INT64_C(1000000))   /* a cumulative series away for so long may be forgotten when room \
                                   is   needed */
#define SEAL_FIELDS_MAX    4096 /* producers x cohorts of one block: an error */
#define INTENTS_BYTES_MAX  ((size_t)4 << 20) /* DIR/intents; beyond it, it is compacted */
#define INTENTS_BYTES_KEPT ((size_t)2 << 20) /* newest records kept by a compaction */
#define INTENT_LINE_MAX    65536 /* bytes of one intent; of a longer verdict, its digest */

#endif
