/*
 * One GetMetricData call: what many releases want, packed into queries, and what came back.
 *
 *   data_calls_plan()     wants -> calls, as few as AWS' limits allow
 *   data_call_request()   the JSON of one page
 *   data_call_take()      a page of the reply; gives the token of the next one (reply.c)
 *   data_call_blocks()    what it says about each want's blocks (blocks.c)
 *
 * A *want* is a metric of a release over some blocks, for both cohorts. It becomes two or four
 * series, or for metric math its inputs and expressions. A series that several wants ask for (the
 * baseline of two releases, say) is asked for once. All queries of a call are of one region, role
 * and period and share the window; a want is never split over two calls, because an expression's
 * inputs must stand beside it.
 *
 * Pure: no clock, no network. Everything of a call lies in its arena.
 */
#ifndef COLLECTORS_CLOUDWATCH_DATA_CALL_H
#define COLLECTORS_CLOUDWATCH_DATA_CALL_H

#include "collectors/cloudwatch/words.h"
#include "lib/base/clock.h"
#include "lib/base/map.h"
#include "lib/model/summary.h"

struct data_want {
    void *user;
    const struct word *word; /* one of those formula_of() knows */
    const void *config;      /* borrowed until the call is freed */
    enum metric_kind kind;
    int64_t block_us;
    int64_t from, to;   /* blocks, both included */
    int64_t count_from; /* those before are read again: what is wrong with them was counted */
};

enum query_state { QUERY_UNANSWERED, QUERY_COMPLETE, QUERY_PARTIAL, QUERY_ERROR, QUERY_FORBIDDEN };

struct query {
    const char *body; /* members of its JSON object, but Id and ReturnData */
    bool is_hidden;   /* an expression's input: its values are not sent */
    bool is_expression;
    enum query_state state;
    const char *message; /* AWS's, when it gave one */
    double *values;      /* a period of the window each, NAN where there is no point */
};

#define NO_QUERY UINT32_MAX

/* A want and its queries, per cohort (enum cohort). */
struct data_part {
    struct data_want want; /* `to` may be lower than it was asked: the rest comes next time */
    bool is_zero;          /* missing events are none */
    uint32_t events[2];    /* for a series: the value */
    uint32_t exposure[2];  /* NO_QUERY for a series */
};

struct data_call {
    struct arena arena;
    const char *region, *role_arn, *external_id; /* NULL: none, borrowed from a config */
    int64_t period_us;
    int64_t from_us, to_us; /* the window, whole periods; to_us is excluded */
    struct query *queries;  /* CLOUDWATCH_QUERIES_MAX of them */
    size_t n_queries, n_metrics, body_bytes;
    struct data_part *parts;
    size_t n_parts;
    struct map known; /* body of a MetricStat -> query */
    int64_t points, unaligned;
    struct data_call *next;
};

/* The calls that ask for all of these, a list. Blocks too old to be kept by AWS are left out: see
 * data_want_clamp(). Wants with from > to are a bug. */
struct data_call *data_calls_plan(const struct data_want *wants, size_t n);
void data_call_free(struct data_call *c);

/* Raises want->from over what CloudWatch does not keep any more at that resolution. */
void data_want_clamp(struct data_want *want, struct wall now);
/* Metrics that one reading of this costs: AWS bills each, also an expression's inputs. */
size_t data_want_metrics(const struct word *word, const void *config, enum metric_kind kind);

/* token NULL: the first page. */
void data_call_request(const struct data_call *c, const char *token, struct buf *out);
/*
 * Takes one page. *token is set to the next page's token, in the call's arena, or NULL when this
 * was the last. -1 with ERR_PROTOCOL: the bytes are no such reply; what was taken before stays.
 */
int data_call_take(struct data_call *c, const char *bytes, size_t len, const char **token,
                   struct err *err) WARN_UNUSED;

/*
 * The blocks of a part, as summaries of the metric's kind; cohorts and blocks without a point are
 * left out. 0: the part was answered whole. -1: it was not (a query is partial, failed or
 * forbidden); err says which and why, and what is there has been given all the same, but nothing
 * was taken for zero.
 */
typedef void data_block_fn(void *user, uint8_t cohort, int64_t block, const struct summary *sums);
struct data_dropped {  /* points that could not be used */
    int64_t unmatched; /* events without exposure, or exposure without events */
    int64_t bad;       /* a negative count */
};
int data_call_blocks(const struct data_call *c, const struct data_part *part, data_block_fn *give,
                     struct data_dropped *dropped, struct err *err) WARN_UNUSED;

/* Names the statistics a part was read from, as a user knows them: "Sum of AWS/Lambda Errors
 * {FunctionName=resize, ...}". */
void data_part_series(const struct data_part *part, struct arena *a,
                      void (*name)(void *user, uint8_t cohort, const char *text));

#endif
