#include "judge/simulate/crew.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stats/fixed/proportion_interval.h"

#define GOLDEN      UINT64_C(0x9e3779b97f4a7c15)
#define PROGRESS_MS 100

struct work {
    const struct crew *crew;
    struct walk_outcome *outcomes;
    atomic_size_t next, done;
    atomic_bool is_stopped;
    atomic_int working;
};

static void *run_many(void *arg)
{
    struct work *work = arg;
    const struct crew *crew = work->crew;
    struct walker *w = walker_new(crew->spec, crew->truth, &crew->options);
    for (size_t i;
         !atomic_load(&work->is_stopped) && (i = atomic_fetch_add(&work->next, 1)) < crew->runs;) {
        walker_run(w, crew->seed + (uint64_t)i * GOLDEN, &work->outcomes[i]);
        atomic_fetch_add(&work->done, 1);
    }
    walker_free(w);
    atomic_fetch_sub(&work->working, 1);
    return NULL;
}

bool crew_run(const struct crew *crew, struct walk_outcome *outcomes)
{
    pthread_t threads[CREW_THREADS_MAX];
    struct work work = {.crew = crew, .outcomes = outcomes};
    BUG_ON(crew->threads < 1 || crew->threads > CREW_THREADS_MAX);
    atomic_store(&work.working, crew->threads);
    for (int i = 0; i < crew->threads; i++)
        BUG_ON(pthread_create(&threads[i], NULL, run_many, &work) != 0);
    while (crew->progress && atomic_load(&work.working) > 0) {
        struct timespec pause = {0, PROGRESS_MS * 1000000L};
        if (crew->progress(crew->user, atomic_load(&work.done)))
            atomic_store(&work.is_stopped, true);
        nanosleep(&pause, NULL);
    }
    for (int i = 0; i < crew->threads; i++)
        pthread_join(threads[i], NULL);
    return !atomic_load(&work.is_stopped);
}

struct odds odds_of(size_t n, size_t of, double level)
{
    struct odds o = {n, of, 0, 1};
    BUG_ON(n > of || !of || !(level > 0 && level < 1));
    proportion_interval(PROPORTION_BETA, (double)n, (double)of, 1 - level, &o.lower, &o.upper);
    return o;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *sorted, size_t n, double p)
{
    size_t rank = (size_t)ceil(p * (double)n);
    return sorted[rank ? rank - 1 : 0];
}

struct spread spread_of(double *values, size_t n)
{
    struct spread s = {n, NAN, NAN, NAN, NAN, NAN};
    double sum = 0;
    if (!n)
        return s;
    qsort(values, n, sizeof(values[0]), by_value);
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    s.p10 = at(values, n, 0.1);
    s.p50 = at(values, n, 0.5);
    s.p90 = at(values, n, 0.9);
    s.mean = sum / (double)n;
    s.max = values[n - 1];
    return s;
}

static void tally_step(const struct walk_outcome *outcomes, size_t runs, size_t k, double level,
                       double *values, struct step_tally *out)
{
    size_t entered = 0, left = 0;
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < runs; i++) {
        const struct walk_outcome *o = &outcomes[i];
        bool is_in = k == 0 || o->left_us[k - 1] >= 0;
        entered += is_in;
        if (is_in && o->left_us[k] >= 0)
            values[left++] = (double)(o->left_us[k] - (k ? o->left_us[k - 1] : 0)) / 1e6;
        out->rolled_back += o->end == WALK_ROLLED_BACK && (size_t)o->step == k;
    }
    out->left = entered ? odds_of(left, entered, level) : (struct odds){0, 0, 0, 1};
    out->time_s = spread_of(values, left);
}

void tally_of(const struct spec *spec, const struct walk_outcome *outcomes, size_t runs,
              double level, struct tally *out)
{
    double *values = mem_alloc_array(runs ? runs : 1, sizeof(*values));
    memset(out, 0, sizeof(*out));
    out->runs = runs;
    out->n_steps = spec->n_steps - 1;
    for (int e = 0; e < WALK_END_COUNT; e++) {
        size_t n = 0;
        for (size_t i = 0; i < runs; i++)
            if (outcomes[i].end == (enum walk_end)e)
                values[n++] = (double)outcomes[i].us / 1e6;
        out->ends[e] = odds_of(n, runs, level);
        out->time_s[e] = spread_of(values, n);
        n = 0;
        for (size_t i = 0; i < runs; i++)
            if (outcomes[i].end == (enum walk_end)e)
                values[n++] = outcomes[i].met;
        out->met[e] = spread_of(values, n);
    }
    for (size_t i = 0; i < runs; i++) {
        const struct walk_outcome *o = &outcomes[i];
        values[i] = o->met;
        out->held += o->is_held && (o->end == WALK_INCONCLUSIVE || o->end == WALK_UNDECIDED);
        out->baked_back += o->end == WALK_ROLLED_BACK && o->was_baking;
        if (o->end == WALK_ROLLED_BACK && o->metric >= 0)
            out->by_metric[o->metric]++;
    }
    out->met_all = spread_of(values, runs);
    for (size_t k = 0; k < out->n_steps; k++)
        tally_step(outcomes, runs, k, level, values, &out->steps[k]);
    free(values);
}
