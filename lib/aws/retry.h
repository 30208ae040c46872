/*
 * The "standard" retry mode of the AWS SDKs: how often a failed call may be made again, and when.
 *
 * A quota (token bucket) of each service and region keeps retries from piling onto a service that
 * is down: a retry takes 5 tokens, one after a time-out 10; a success gives back what its last
 * retry took, or 1 when it needed none. The pause is random between 0 and min(2^(n-1) s, 20 s), n
 * the retry's number, and at least what Retry-After asks for.
 */
#ifndef LIB_AWS_RETRY_H
#define LIB_AWS_RETRY_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/aws/aws.h"

struct quota {
    int tokens;
};

/* All quotas of one struct aws; any thread. */
struct quotas {
    pthread_mutex_t lock;
    size_t count;
    struct {
        const void *service;
        char region[AWS_REGION_BYTES];
        struct quota quota;
    } of[AWS_QUOTAS_MAX];
    struct quota shared; /* of all that found no place */
};
void quotas_init(struct quotas *q);
void quotas_release(struct quotas *q);

/* Tokens a retry of this failure takes. */
int retry_cost(const struct aws_error *error);
/* Takes them; false when there are too few: then no retry. */
bool quotas_take(struct quotas *q, const void *service, const char *region, int tokens);
/* Gives some back after a success: last_cost of its last retry, 0 when there was none. */
void quotas_give(struct quotas *q, const void *service, const char *region, int last_cost);
int quotas_left(struct quotas *q, const void *service, const char *region);

/* The pause before retry n (from 1) in ms: chance in [0, 1). -1 when Retry-After asks for more than
 * AWS_BACKOFF_MAX_MS. Pure. */
int retry_pause_ms(int n, double chance, int retry_after_ms);

#endif
