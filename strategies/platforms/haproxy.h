/*
 * The pure parts of the HAProxy platform: weights for a share, and reading `show servers state`.
 * For haproxy.c and its tests.
 */
#ifndef STRATEGIES_PLATFORMS_HAPROXY_H
#define STRATEGIES_PLATFORMS_HAPROXY_H

#include "strategies/platforms/platform.h"
#include "strategies/words.h"

#define HAPROXY_WEIGHT_MAX  256
#define HAPROXY_REPLY_MAX   (1 << 20)
#define HAPROXY_COLUMNS_MAX 64

struct haproxy_weights {
    int stable, candidate; /* 0..HAPROXY_WEIGHT_MAX, not both 0 */
};

/* The weights whose share is nearest; a whole number of percent sums to 100. 0 <= share <= 1. */
struct haproxy_weights haproxy_weights_for(double share);

/* Reads the answer to `show servers state BACKEND`. Columns are found by name. ERR_PLATFORM:
 * backend or server missing, or the answer is an error text; ERR_PROTOCOL: not such an answer.
 * `other` (may be NULL, 64 bytes) names a third server that takes traffic, "" when there is none.
 */
int haproxy_read_state(const struct haproxy_config *c, const char *text, size_t len,
                       struct platform_state *out, char *other, struct err *err) WARN_UNUSED;

#endif
