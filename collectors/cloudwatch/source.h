/*
 * CloudWatch as a source of finished points (collectors/pull.h). What is due at one moment is
 * packed into calls; calls go out as fast as AWS allows (caller.h). Credentials and retries are
 * lib/aws'.
 */
#ifndef COLLECTORS_CLOUDWATCH_SOURCE_H
#define COLLECTORS_CLOUDWATCH_SOURCE_H

#include <stdint.h>

#include "collectors/source.h"

#define CLOUDWATCH_RATE_DEFAULT 50 /* calls a second: what AWS grants an account and region */

extern const struct source cloudwatch_source;

/* Calls a second to one region under one role. Before the puller starts. */
void cloudwatch_set_rate(int64_t calls_a_second);

#endif
