/*
 * Named ceilings of collectors/cloudwatch (docs/collectors/cloudwatch.md). Those that AWS sets are
 * marked so.
 */
#ifndef COLLECTORS_CLOUDWATCH_LIMITS_H
#define COLLECTORS_CLOUDWATCH_LIMITS_H

#define CLOUDWATCH_QUERIES_MAX          500    /* of one GetMetricData call: AWS */
#define CLOUDWATCH_POINTS_MAX           100800 /* of one call's reply: AWS */
#define CLOUDWATCH_DIMENSIONS_MAX       30     /* of one metric: AWS; more: refused */
#define CLOUDWATCH_DIMENSION_NAME_BYTES 255    /* AWS; longer: refused */
#define CLOUDWATCH_NAME_BYTES           255    /* namespace, metric: AWS; longer: refused */
#define CLOUDWATCH_EXPRESSION_BYTES     2048   /* of an expression as sent: AWS */
#define CLOUDWATCH_MATH_METRICS_MAX     10     /* that one expression may use; more: refused */
#define CLOUDWATCH_ALARMS_MAX           100    /* names of one DescribeAlarms call: AWS */
#define CLOUDWATCH_ALARM_ARN_BYTES      1200   /* of an alarm's ARN: a longer one is none */
#define CLOUDWATCH_PERIOD_MAX_S         3600   /* a block is no longer */
#define CLOUDWATCH_DELAY_MIN_S          120    /* default delay: this, or two periods if longer */
#define CLOUDWATCH_PAGES_MAX            1000   /* of one call; more: the read fails */
#define CLOUDWATCH_TOKEN_BYTES_MAX      65536  /* of the next page; longer: the read fails */
#define CLOUDWATCH_BODY_BYTES           (256 << 10) /* of queries: the next want begins another call */
#define CLOUDWATCH_REQUEST_BYTES_MAX    ((size_t)4 << 20)  /* one page's request */
#define CLOUDWATCH_REPLY_BYTES_MAX      ((size_t)16 << 20) /* one page; longer: the read fails */
#define CLOUDWATCH_TIMEOUT_MS           15000              /* one page, with its attempts */
#define CLOUDWATCH_CALLS_AT_ONCE        8                  /* on their way; the rest waits */
#define CLOUDWATCH_RATES_MAX            64  /* regions and roles with a rate of their own */
#define CLOUDWATCH_MESSAGE_BYTES        200 /* of AWS's messages that are shown; cut */

#endif
