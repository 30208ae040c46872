/*
 * Alarms that nobody asks for: they tell their changes through SNS (judge/api/sns.c), and what they
 * told last is their state. One that has told nothing is not known, which is no data.
 */
#ifndef COLLECTORS_CLOUDWATCH_PUSHED_ALARM_H
#define COLLECTORS_CLOUDWATCH_PUSHED_ALARM_H

#include "lib/model/vocabulary.h"

struct pushed_alarm_config {
    const char *arn;
};

extern const struct word pushed_alarm_word;

#endif
