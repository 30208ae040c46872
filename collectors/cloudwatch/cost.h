/*
 * What reading CloudWatch costs: AWS bills each metric that is asked for, also an expression's
 * inputs and what comes back empty. The list price is the same in most regions; a bill may be less.
 */
#ifndef COLLECTORS_CLOUDWATCH_COST_H
#define COLLECTORS_CLOUDWATCH_COST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/model/spec.h"

#define CLOUDWATCH_DOLLARS_A_METRIC 0.00001 /* $0.01 per 1,000 metrics requested */
#define CLOUDWATCH_RELEASES_MAX     1024    /* whose cost is kept; the oldest makes room */

struct cloudwatch_cost {
    size_t metrics; /* asked for a block */
    double an_hour; /* dollars */
};
/* Of a release's spec; all zero when it reads nothing from CloudWatch. */
struct cloudwatch_cost cloudwatch_cost_of(const struct spec *spec);

/* Metrics were asked for, for a release. Any thread. */
void cost_add(const char *release, int64_t metrics);
int64_t cost_of(const char *release); /* metrics asked for since this process began */
/* Puts the rows of each release on /metrics. Twice: no effect. */
void cost_register(void);

#endif
