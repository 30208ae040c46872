/*
 * The fields that all words which read metrics of CloudWatch share, and what is done with them. For
 * the files of such words.
 */
#ifndef COLLECTORS_CLOUDWATCH_FIELDS_H
#define COLLECTORS_CLOUDWATCH_FIELDS_H

#include "collectors/cloudwatch/words.h"

/* Of a config struct whose first member is `struct cloudwatch_common common`. */
/* clang-format off */
#define CLOUDWATCH_COMMON_FIELDS(config)                                                           \
    {.name = "region",                                                                             \
     .type = FIELD_STRING,                                                                         \
     .offset = offsetof(struct config, common.region),                                             \
     .is_required = true,                                                                          \
     .is_target = true,                                                                            \
     .help = "the region whose CloudWatch is asked, as in eu-west-1"},                             \
    {.name = "role_arn",                                                                           \
     .type = FIELD_STRING,                                                                         \
     .offset = offsetof(struct config, common.role_arn),                                           \
     .is_target = true,                                                                            \
     .help = "a role taken on for it by AssumeRole, as in another account"},                       \
    {.name = "external_id",                                                                        \
     .type = FIELD_STRING,                                                                         \
     .offset = offsetof(struct config, common.external_id),                                        \
     .is_target = true,                                                                            \
     .help = "what that role's trust policy asks for"},                                            \
    {.name = "account",                                                                            \
     .type = FIELD_STRING,                                                                         \
     .offset = offsetof(struct config, common.account),                                            \
     .help = "12 digits: a source account linked to ours (cross-account observability)"},          \
    {.name = "period",                                                                             \
     .type = FIELD_DURATION,                                                                       \
     .offset = offsetof(struct config, common.period_us),                                          \
     .dflt = "1m",                                                                                 \
     .help = "of one point: 1s, 5s, 10s, 20s, 30s or whole minutes; a block holds whole periods"}, \
    {.name = "delay",                                                                              \
     .type = FIELD_DURATION,                                                                       \
     .offset = offsetof(struct config, common.delay_us),                                           \
     .min = 1,                                                                                     \
     .max = 3600,                                                                                  \
     .help = "after its end a block's points are final; 2m or two periods when left out"},         \
    {.name = "dimensions",                                                                         \
     .type = FIELD_LABELS,                                                                         \
     .offset = offsetof(struct config, common.dimensions),                                         \
     .help = "dimensions both cohorts have; with those of `cohorts` exactly the metric's"},        \
    {.name = "cohorts",                                                                            \
     .type = FIELD_COHORTS,                                                                        \
     .offset = offsetof(struct config, common.cohorts),                                            \
     .is_required = true,                                                                          \
     .help = "dimensions that tell the cohorts apart: {baseline: {TargetGroup: ...}, ...}"}
/* clang-format on */

int cloudwatch_check_common(const struct cloudwatch_common *c, struct err *err) WARN_UNUSED;
struct source_timing cloudwatch_timing(const void *config);

#endif
