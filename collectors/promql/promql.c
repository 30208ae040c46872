/*
 * The promql source: a request for each query, its reply, and what it says about blocks.
 *
 * Metrics that are due at one moment come together, and equal queries among them (the `of` of
 * several metrics) are sent once: a *fetch* is one request, a *job* is one metric that waits for
 * one to four of them. Fetches end on the thread of the HTTP client; the last one of a job finishes
 * it. Whatever is wrong with one of its replies, a job is not answered at all: half a metric would
 * be a wrong one.
 */
#include "collectors/promql/promql.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/limits.h"
#include "collectors/promql/promql_points.h"
#include "collectors/promql/promql_request.h"
#include "collectors/pull.h"
#include "lib/base/counters.h"
#include "lib/net/http_client.h"

enum { QUERIES, UNREACHABLE, REFUSED, FAILED, PARTIAL, UNREADABLE, UNFIT, DROPPED, NOT_FINITE };
#define FAILURES "Queries of a Prometheus server that gave no points."
static struct counter counters[] = {
    [QUERIES] = {.name = "judge_promql_queries_total",
                 .help = "Queries sent to Prometheus servers."},
    [UNREACHABLE] = {.name = "judge_promql_failures_total",
                     .labels = "why=\"unreachable\"",
                     .help = FAILURES},
    [REFUSED] = {.name = "judge_promql_failures_total",
                 .labels = "why=\"refused\"",
                 .help = FAILURES},
    [FAILED] = {.name = "judge_promql_failures_total",
                .labels = "why=\"server\"",
                .help = FAILURES},
    [PARTIAL] = {.name = "judge_promql_failures_total",
                 .labels = "why=\"partial\"",
                 .help = FAILURES},
    [UNREADABLE] = {.name = "judge_promql_failures_total",
                    .labels = "why=\"unreadable\"",
                    .help = FAILURES},
    [UNFIT] = {.name = "judge_promql_failures_total", .labels = "why=\"unfit\"", .help = FAILURES},
    [DROPPED] = {.name = "judge_promql_resets_total",
                 .help = "Blocks dropped for a cohort because a counter began anew or vanished."},
    [NOT_FINITE] = {.name = "judge_promql_not_finite_total",
                    .help = "Values of series that were missing, NaN or infinite."},
};

struct job;

struct fetch {
    struct promql_request request;
    struct promql_reply reply; /* in `arena` */
    struct err err;            /* ERR_NONE: the reply is there */
    struct arena arena;
    _Atomic int refs; /* its jobs, and the request on its way */
    struct job **jobs;
    size_t n_jobs;
    struct fetch *next; /* of one ask, until it is sent */
};

enum { QUERY_0, QUERY_1, OF_0, OF_1, PARTS };
struct job {
    struct pull_ask *ask;
    int64_t to;                 /* the last block that is read now */
    struct fetch *parts[PARTS]; /* NULL: no such query; both cohorts' may be the same */
    _Atomic int left;           /* fetches not ended */
};

static void fetch_unref(struct fetch *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    promql_request_release(&f->request);
    arena_release(&f->arena);
    free(f->jobs);
    free(f);
}

/* ---- the end of a job ---- */

static void on_point(void *user, uint8_t cohort, int64_t block, const struct summary *sums)
{
    const struct job *job = user;
    pull_point(job->ask, cohort, block, sums);
}

/* Names the series of `query` and, behind them, of `of`. */
static void job_series(struct job *job, const struct promql_answer *answer)
{
    for (size_t i = 0; i < PARTS; i++) {
        const struct promql_reply *reply = i < OF_0 ? answer->query[i] : answer->of[i - OF_0];
        bool is_again = i % 2 == 1 && answer->cohorts;
        for (size_t k = 0; reply && !is_again && k < reply->n; k++) {
            uint8_t cohort = promql_series_cohort(answer, i % 2, &reply->series[k]);
            struct buf name;
            buf_init(&name, CHECK_SERIES_BYTES);
            promql_series_words(&reply->series[k], &name);
            if (cohort < 2)
                pull_series(job->ask, cohort, name.data);
            buf_release(&name);
        }
    }
}

static int job_points(struct job *job, struct err *err)
{
    const struct pull_ask *ask = job->ask;
    const struct promql_config *config = ask->pull->config;
    struct promql_answer answer = {
        .kind = ask->pull->kind,
        .cohorts = promql_has_places(config->query) ? NULL : &config->cohorts,
        .from = ask->from,
        .to = job->to,
        .count_from = ask->first_new,
        .count_to = ask->last_final,
    };
    struct promql_tally tally;
    struct arena a;
    for (size_t i = 0; i < PARTS; i++) {
        const struct fetch *f = job->parts[i];
        const struct promql_reply **at = i < OF_0 ? &answer.query[i] : &answer.of[i - OF_0];
        if (f && f->err.code != ERR_NONE) {
            *err = f->err;
            return -1;
        }
        *at = f ? &f->reply : NULL;
    }
    if (pull_wants_series(ask))
        job_series(job, &answer);
    arena_init(&a);
    int rc = promql_points(&answer, on_point, job, &tally, &a, err);
    arena_release(&a);
    if (rc != 0) {
        counter_add(&counters[UNFIT], 1);
        return err_context(err, "%.200s", config->server);
    }
    counter_add(&counters[DROPPED], (int64_t)tally.dropped);
    counter_add(&counters[NOT_FINITE], (int64_t)tally.not_finite);
    return 0;
}

static void job_end(struct job *job)
{
    struct err err = {0};
    if (job_points(job, &err) != 0)
        pull_done(job->ask, job->ask->from - 1, &err);
    else
        pull_done(job->ask, job->to, NULL);
    for (size_t i = 0; i < PARTS; i++) {
        size_t first = 0;
        while (job->parts[first] != job->parts[i])
            first++;
        if (job->parts[i] && first == i) /* one reference, however often it is used */
            fetch_unref(job->parts[i]);
    }
    free(job);
}

static void fetch_end(struct fetch *f)
{
    for (size_t i = 0; i < f->n_jobs; i++) {
        struct job *job = f->jobs[i];
        if (atomic_fetch_sub(&job->left, 1) == 1)
            job_end(job);
    }
    fetch_unref(f);
}

/* ---- requests ---- */

static int reply_take(struct fetch *f, const struct http_reply *reply, struct err *err)
{
    int rc = promql_request_read(&f->request, reply, &f->reply, &f->arena, err);
    if (rc != 0 && reply->status == 200)
        counter_add(&counters[UNREADABLE], 1);
    else if (rc != 0)
        counter_add(&counters[reply->status >= 500 ? FAILED : REFUSED], 1);
    if (rc == 0 && f->reply.warning) {
        counter_add(&counters[PARTIAL], 1);
        rc = err_set(err, ERR_PLATFORM, "the answer may not be whole: %.300s", f->reply.warning);
    }
    return rc;
}

/* Thread of the HTTP client. */
static void on_reply(void *arg, const struct http_reply *reply, const struct err *err)
{
    struct fetch *f = arg;
    if (err) {
        f->err = *err;
        counter_add(&counters[UNREACHABLE], 1);
    } else {
        reply_take(f, reply, &f->err);
    }
    if (f->err.code != ERR_NONE)
        err_context(&f->err, "%.200s", f->request.server);
    fetch_end(f);
}

static void fetch_send(struct fetch *f, const struct pull_env *env)
{
    counter_add(&counters[QUERIES], 1);
    if (promql_request_submit(&f->request, env, on_reply, f, &f->err) == 0)
        return;
    err_context(&f->err, "%.200s", f->request.server);
    counter_add(&counters[UNREACHABLE], 1);
    fetch_end(f);
}

/* The fetch of that query among those of this ask, made when it is the first; the job waits for it.
 */
static struct fetch *fetch_for(struct fetch **list, struct job *job, const char *query,
                               const struct promql_steps *steps)
{
    const struct promql_config *config = job->ask->pull->config;
    struct promql_request request;
    promql_request_init(&request, config, query, steps);
    struct fetch *f = *list;
    while (f && !promql_request_equals(&f->request, &request))
        f = f->next;
    if (f) {
        promql_request_release(&request);
    } else {
        f = mem_alloc(sizeof(*f));
        f->request = request;
        arena_init(&f->arena);
        atomic_store(&f->refs, 1);
        f->next = *list;
        *list = f;
    }
    if (f->n_jobs && f->jobs[f->n_jobs - 1] == job)
        return f; /* both cohorts read the same */
    f->jobs = mem_grow(f->jobs, f->n_jobs + 1, sizeof(struct job *));
    f->jobs[f->n_jobs++] = job;
    atomic_fetch_add(&f->refs, 1);
    atomic_fetch_add(&job->left, 1);
    return f;
}

static void job_start(struct fetch **list, struct pull_ask *ask)
{
    const struct promql_config *config = ask->pull->config;
    struct job *job = mem_alloc(sizeof(*job));
    job->ask = ask;
    job->to = ask->to - ask->from < PROMQL_BLOCKS_MAX ? ask->to : ask->from + PROMQL_BLOCKS_MAX - 1;
    const struct promql_steps steps =
        promql_steps_for(ask->pull->kind, ask->pull->route->block_us, ask->from, job->to);
    const struct labels *cohorts[] = {&config->cohorts.baseline, &config->cohorts.candidate};
    const bool has_of = summary_kind_of(ask->pull->kind) == SUMMARY_COUNTS;
    for (size_t i = 0; i < (has_of ? PARTS : OF_0); i++) {
        const char *template = i < OF_0 ? config->query : config->of;
        struct buf query;
        buf_init(&query, PROMQL_QUERY_MAX);
        if (promql_has_places(template))
            promql_fill(template, cohorts[i % 2], &query);
        else
            buf_add_str(&query, template);
        job->parts[i] = fetch_for(list, job, query.data, &steps);
        if (!buf_ok(&query))
            err_set(&job->parts[i]->err, ERR_TOO_LARGE,
                    "the query with its labels is longer than %d bytes", PROMQL_QUERY_MAX);
        buf_release(&query);
    }
}

static void promql_ask(void *state, struct pull_ask *const *asks, size_t n)
{
    struct fetch *list = NULL;
    for (size_t i = 0; i < n; i++)
        job_start(&list, asks[i]);
    while (list) {
        struct fetch *f = list;
        list = f->next; /* once sent it may be gone */
        if (f->err.code != ERR_NONE)
            fetch_end(f);
        else
            fetch_send(f, state);
    }
}

static void *promql_open(const struct pull_env *env)
{
    counters_register(counters, ARRAY_LEN(counters));
    return (void *)(uintptr_t)env;
}

static const struct pull_source promql_pull = {.open = promql_open, .ask = promql_ask};
const struct source promql_source = {.pull = &promql_pull};
