/*
 * What CloudWatch writes into a notification when an alarm changes, metric and composite ones
 * alike: a JSON object, the `Message` of what SNS delivers. Pure.
 *
 * Source: Amazon CloudWatch User Guide, "Notifying users on alarm changes".
 */
#ifndef COLLECTORS_CLOUDWATCH_ALARM_NOTICE_H
#define COLLECTORS_CLOUDWATCH_ALARM_NOTICE_H

#include "collectors/cloudwatch/alarms.h"
#include "lib/base/arena.h"

struct alarm_notice {
    const char *arn, *name;   /* in the arena */
    const char *state;        /* as AWS writes it */
    struct alarm_change into; /* the same, and when */
};

/* -1: ERR_INPUT, it is no such message, or one that cannot be understood; the error says what is
 * missing. */
int alarm_notice_read(struct alarm_notice *out, const char *text, struct arena *a,
                      struct err *err) WARN_UNUSED;

/* The name in "arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:NAME", or NULL when it is none. */
const char *alarm_arn_name(const char *arn);

#endif
