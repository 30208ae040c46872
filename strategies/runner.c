/*
 * The pool: which release a worker takes next.
 *
 * Workers are started when there is work and none is idle, up to the configured number. One idle
 * worker (the leader) sleeps until the earliest release is due, the others until they are called,
 * so an idle runner wakes one thread and not 32. Picking looks at all owned releases: at 1,000 of
 * them this is some ten microseconds, far below the call that follows.
 *
 * `reserved` workers take only releases on their way back, and those come first everywhere, so a
 * wave of slow shifts cannot keep a rollback waiting. Calls to one endpoint are limited by not
 * picking a second release of the same endpoint beyond the limit.
 */
#include "strategies/runner.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "strategies/run_priv.h"

#define WORKER_STACK_BYTES (512 << 10)

struct runner {
    struct runner_config config;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t work;  /* for followers */
    pthread_cond_t due;   /* for the leader */
    struct map runs;      /* id -> struct run */
    struct run **busy;    /* the runs in a worker's hands */
    int n_busy, n_busy_plain, n_threads, n_idle;
    bool has_leader, is_stopping;
    struct mono leader_until; /* 0: until called */
    pthread_t *threads;
};

static struct counter counters[] = {
    {.name = "judge_runner_releases", .help = "Releases owned by the runner.", .is_gauge = true},
    {.name = "judge_runner_steps_total", .help = "Steps taken by the runner's workers."},
    {.name = "judge_runner_lost_total", .help = "Releases lost to another owner."},
};
enum { COUNT_RELEASES, COUNT_STEPS, COUNT_LOST };

const struct runner_config *run_config(const struct run *r)
{
    return &r->runner->config;
}

struct lease run_lease(struct run *r)
{
    pthread_mutex_lock(&r->runner->lock);
    struct lease lease = r->lease;
    pthread_mutex_unlock(&r->runner->lock);
    return lease;
}

bool run_verdict(struct run *r, struct verdict *out)
{
    pthread_mutex_lock(&r->runner->lock);
    *out = r->verdict;
    bool has = r->has_verdict;
    pthread_mutex_unlock(&r->runner->lock);
    return has;
}

bool run_take_wake(struct run *r)
{
    pthread_mutex_lock(&r->runner->lock);
    bool is_woken = r->is_woken;
    r->is_woken = false;
    pthread_mutex_unlock(&r->runner->lock);
    return is_woken;
}

void run_set_endpoint(struct run *r, const char *endpoint)
{
    char *copy = mem_strdup(endpoint);
    pthread_mutex_lock(&r->runner->lock);
    free(r->endpoint);
    r->endpoint = copy;
    pthread_mutex_unlock(&r->runner->lock);
}

/* ---- the pool; functions below are called with the lock held ---- */

static bool endpoint_is_free(const struct runner *r, const struct run *run)
{
    int n = 0;
    for (int i = 0; run->endpoint && run->endpoint[0] && i < r->n_busy; i++)
        n += r->busy[i]->endpoint && strcmp(r->busy[i]->endpoint, run->endpoint) == 0;
    return n < RUNNER_ENDPOINT_LIMIT;
}

static bool is_waiting(const struct run *run)
{
    return !run->is_busy && !run->is_gone && !run->is_lost && !run->is_done;
}

/* The run to take now, or NULL with *next the time at which one will be due (0: none). */
static struct run *pick(const struct runner *r, struct mono now, struct mono *next)
{
    struct run *best = NULL;
    void *value;
    size_t i = 0;
    bool is_plain_full = r->n_busy_plain >= r->config.workers - r->config.reserved;
    *next = (struct mono){0};
    while (map_next(&r->runs, &i, NULL, NULL, &value)) {
        struct run *run = value;
        if (!is_waiting(run))
            continue;
        if (!mono_passed(now, run->due)) {
            if (next->us == 0 || run->due.us < next->us)
                *next = run->due;
            continue;
        }
        if ((is_plain_full && !run->is_urgent) || !endpoint_is_free(r, run))
            continue; /* the end of a step calls again */
        if (!best || run->is_urgent > best->is_urgent ||
            (run->is_urgent == best->is_urgent && run->due.us < best->due.us))
            best = run;
    }
    return best;
}

static void *worker_main(void *arg);

static void start_worker(struct runner *r)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
    int rc = pthread_create(&r->threads[r->n_threads], &attr, worker_main, r);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        r->n_threads++;
    else
        log_error("runner", "starting a worker: %s", strerror(rc));
}

/* Something may be due: wake whoever watches the clock, or an idle follower. */
static void call_worker(struct runner *r)
{
    if (r->has_leader)
        pthread_cond_signal(&r->due);
    else if (r->n_idle > 0)
        pthread_cond_signal(&r->work);
    else if (r->n_threads < r->config.workers && !r->is_stopping)
        start_worker(r);
}

static void wait_for_work(struct runner *r, struct mono next)
{
    bool is_sooner = next.us != 0 && (r->leader_until.us == 0 || next.us < r->leader_until.us);
    r->n_idle++;
    if (r->has_leader) {
        if (is_sooner) /* the leader fell asleep while this release was in our hands */
            pthread_cond_signal(&r->due);
        pthread_cond_wait(&r->work, &r->lock);
    } else {
        struct timespec t = {.tv_sec = next.us / US_PER_SECOND,
                             .tv_nsec = next.us % US_PER_SECOND * 1000};
        r->has_leader = true;
        r->leader_until = next;
        if (next.us == 0)
            pthread_cond_wait(&r->due, &r->lock);
        else
            pthread_cond_timedwait(&r->due, &r->lock, &t);
        r->has_leader = false;
    }
    r->n_idle--;
}

static void keep_view(struct run *run)
{
    struct run_view *v = &run->view;
    v->is_loaded = run->is_loaded;
    v->walk = run->walk;
    v->plan = run->plan;
    v->plan.steps = NULL;
    v->has_observed = run->has_observed;
    v->observed = run->observed;
    memcpy(v->waiting, run->waiting, sizeof(v->waiting));
}

static void take(struct runner *r, struct run *run)
{
    struct run_result result;
    bool was_urgent = run->is_urgent;
    run->is_busy = true;
    run->is_hurried = false;
    r->busy[r->n_busy++] = run;
    r->n_busy_plain += !was_urgent;
    call_worker(r); /* more may be due */
    pthread_mutex_unlock(&r->lock);
    run_step(run, &result);
    counter_add(&counters[COUNT_STEPS], 1);
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n_busy; i++) {
        if (r->busy[i] == run) {
            r->busy[i] = r->busy[--r->n_busy];
            break;
        }
    }
    r->n_busy_plain -= !was_urgent;
    run->due = mono_now();
    if (!run->is_hurried)
        run->due = mono_add_ms(run->due, result.again_ms);
    run->is_urgent = result.is_urgent || (run->is_hurried && run->is_urgent);
    run->is_done = result.is_done;
    keep_view(run);
    bool is_newly_lost = result.is_lost && !run->is_lost;
    run->is_lost = result.is_lost;
    if (is_newly_lost || result.is_done) {
        counter_add(&counters[COUNT_LOST], is_newly_lost);
        pthread_mutex_unlock(&r->lock);
        if (is_newly_lost && r->config.lost)
            r->config.lost(r->config.user, run->id);
        if (result.is_done && r->config.changed)
            r->config.changed(r->config.user, run->id);
        pthread_mutex_lock(&r->lock);
    }
    run->is_busy = false;
}

static void *worker_main(void *arg)
{
    struct runner *r = arg;
    struct mono next;
    pthread_mutex_lock(&r->lock);
    while (!r->is_stopping) {
        struct run *run = pick(r, mono_now(), &next);
        if (run)
            take(r, run);
        else
            wait_for_work(r, next);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- for the daemon ---- */

struct runner *runner_new(const struct runner_config *config, struct err *err)
{
    pthread_condattr_t attr;
    struct runner_config c = *config;
    c.workers = c.workers ? c.workers : RUNNER_WORKERS;
    c.reserved = c.reserved ? c.reserved : c.workers > RUNNER_RESERVED ? RUNNER_RESERVED : 0;
    c.call_ms = c.call_ms ? c.call_ms : RUNNER_CALL_MS;
    c.observe_ms = c.observe_ms ? c.observe_ms : RUNNER_OBSERVE_MS;
    if (c.workers < 1 || c.reserved < 0 || c.reserved >= c.workers || c.call_ms > RUNNER_CALL_MS) {
        err_set(err, ERR_INPUT, "runner: %d workers of which %d reserved, calls of %lld ms",
                c.workers, c.reserved, (long long)c.call_ms);
        return NULL;
    }
    struct runner *r = mem_alloc(sizeof(*r));
    r->config = c;
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->work, &attr);
    pthread_cond_init(&r->due, &attr);
    pthread_condattr_destroy(&attr);
    map_init(&r->runs);
    r->threads = mem_alloc_array((size_t)c.workers, sizeof(*r->threads));
    r->busy = mem_alloc_array((size_t)c.workers, sizeof(struct run *));
    counters_register(counters, ARRAY_LEN(counters));
    return r;
}

static void run_free(void *value)
{
    struct run *run = value;
    arena_release(&run->arena);
    arena_release(&run->scratch);
    secret_release(&run->secret);
    free(run->endpoint);
    free(run);
}

static void hurry(struct runner *r, struct run *run)
{
    run->due = (struct mono){0};
    run->is_hurried = true; /* also when a step is under way: another follows it at once */
    call_worker(r);
}

int runner_own(struct runner *r, const char *release, const struct lease *lease, struct err *err)
{
    int rc = 0;
    BUG_ON(strlen(release) > MODEL_NAME_MAX);
    pthread_mutex_lock(&r->lock);
    struct run *run = map_get_str(&r->runs, release);
    if (!run && r->runs.len >= RUNNER_RELEASES_MAX) {
        rc = err_set(err, ERR_LIMIT, "this process runs %d releases already", RUNNER_RELEASES_MAX);
        goto out;
    }
    if (!run) {
        run = mem_alloc(sizeof(*run));
        run->runner = r;
        memcpy(run->id, release, strlen(release) + 1);
        arena_init(&run->arena);
        arena_init(&run->scratch);
        secret_init(&run->secret);
        map_put_str(&r->runs, run->id, run);
        counter_set(&counters[COUNT_RELEASES], (int64_t)r->runs.len);
    }
    run->lease = *lease;
    run->is_gone = false;
    if (run->is_lost) {
        run->is_lost = false;
        run->is_loaded = false;
    }
    run->is_woken = true;
    hurry(r, run);
out:
    pthread_mutex_unlock(&r->lock);
    return rc;
}

bool runner_disown(struct runner *r, const char *release)
{
    pthread_mutex_lock(&r->lock);
    struct run *run = map_get_str(&r->runs, release);
    const bool is_busy = run && run->is_busy;
    if (run)
        run->is_gone = true;
    if (run && !is_busy) {
        map_take_str(&r->runs, release);
        counter_set(&counters[COUNT_RELEASES], (int64_t)r->runs.len);
        run_free(run);
    }
    pthread_mutex_unlock(&r->lock);
    return !is_busy;
}

void runner_lease_update(struct runner *r, const char *release, const struct lease *lease)
{
    pthread_mutex_lock(&r->lock);
    struct run *run = map_get_str(&r->runs, release);
    if (run)
        run->lease = *lease;
    pthread_mutex_unlock(&r->lock);
}

void runner_verdict(struct runner *r, const char *release, const struct verdict *v)
{
    pthread_mutex_lock(&r->lock);
    struct run *run = map_get_str(&r->runs, release);
    if (run && (!run->has_verdict || v->seq > run->verdict.seq ||
                (v->seq == run->verdict.seq && v->fresh_until.us >= run->verdict.fresh_until.us))) {
        run->verdict = *v;
        run->verdict.release = run->verdict.revision = NULL;
        run->verdict.metrics = NULL;
        run->verdict.n_metrics = 0;
        run->has_verdict = true;
        run->is_urgent |= v->word == VERDICT_ROLLBACK;
        if (v->word == VERDICT_ADVANCE || v->word == VERDICT_PROMOTE || v->word == VERDICT_ROLLBACK)
            hurry(r, run);
    }
    pthread_mutex_unlock(&r->lock);
}

void runner_wake(struct runner *r, const char *release)
{
    pthread_mutex_lock(&r->lock);
    struct run *run = map_get_str(&r->runs, release);
    if (run) {
        run->is_woken = true;
        hurry(r, run);
    }
    pthread_mutex_unlock(&r->lock);
}

bool runner_is_done(struct runner *r, const char *release)
{
    pthread_mutex_lock(&r->lock);
    struct run *run = map_get_str(&r->runs, release);
    bool is_done = run && run->is_done;
    pthread_mutex_unlock(&r->lock);
    return is_done;
}

bool runner_view(struct runner *r, const char *release, struct run_view *out)
{
    pthread_mutex_lock(&r->lock);
    const struct run *run = map_get_str(&r->runs, release);
    bool has = run && run->view.is_loaded;
    if (has)
        *out = run->view;
    pthread_mutex_unlock(&r->lock);
    return has;
}

void runner_stop(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    r->is_stopping = true;
    pthread_cond_broadcast(&r->work);
    pthread_cond_broadcast(&r->due);
    int n = r->n_threads;
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < n; i++)
        pthread_join(r->threads[i], NULL);
    r->n_threads = 0;
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    BUG_ON(r->n_threads != 0);
    map_release(&r->runs, run_free);
    pthread_cond_destroy(&r->work);
    pthread_cond_destroy(&r->due);
    pthread_mutex_destroy(&r->lock);
    free(r->busy);
    free(r->threads);
    free(r);
}
