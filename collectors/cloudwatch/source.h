/*
 * CloudWatch as a source of finished points (collectors/pull.h): asks that are due at one moment
 * are packed into calls (data_call.h), calls go out as fast as AWS allows, and what comes back is
 * handed to the puller block by block.
 *
 * Credentials and retries are lib/aws'. Calls to one region under one role share a rate, so that
 * many releases do not throttle each other, or the account's other users.
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
