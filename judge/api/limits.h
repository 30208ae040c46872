/*
 * Ceilings of the API: name, value, what happens beyond it.
 */
#ifndef JUDGE_API_LIMITS_H
#define JUDGE_API_LIMITS_H

#include <stddef.h>

#include "lib/base/clock.h"

#define SPEC_BODY_MAX       ((size_t)256 << 10) /* a posted spec: 413 */
#define SAMPLES_BODY_MAX    ((size_t)8 << 20)   /* one batch of samples: 413 */
#define FIREHOSE_BODY_MAX   ((size_t)64 << 20)  /* one delivery, gzip undone: 413 */
#define SNS_BODY_MAX        ((size_t)1 << 20)   /* one message of SNS, its text escaped: 413 */
#define INFLATED_BODY_MAX   ((size_t)32 << 20)  /* the same, gzip or snappy undone: 413 */
#define ORDER_BODY_MAX      8192                /* an order: 413 */
#define WHY_MAX             500                 /* bytes of an order's reason: refused */
#define LIST_MAX            500                 /* rows of one page; `next` leads on */
#define AUDIT_PAGE_MAX      500                 /* audit entries of one page */
#define MISSED_MAX          500 /* verdicts sent again to an event stream that comes back; then it ends */
#define ACK_WAIT_MS         30000 /* ack=stored: then the answer is 503, outcome unknown */
#define ROUTED_WAIT_MS      1000  /* 201 waits so long until samples of the release are routed */
#define VERDICT_WAIT_MAX_US (60 * US_PER_SECOND) /* a long-poll for a verdict: longer is cut */

#endif
