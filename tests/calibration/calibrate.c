/*
 * Runs the cells and prints the table; exit status 1 when a claim does not hold.
 *
 *   calibrate --small          the small table of `make test`: 400 runs a cell, marked cells only
 *   calibrate                  the full one: 10,000 runs a cell, 100,000 for the core cells
 *   options: --runs N, --core-runs N, --cell TEXT (method or scene has it), --seed N, --threads N
 *
 * A level holds when the rate of false verdicts is at most the level plus three standard errors of
 * that many runs; harm of three times the margin is found when at least 90 % (less three standard
 * errors) is. A cell with a reason beside it is a limit of the method: printed, not held.
 */
#include "tests/calibration/calibrate.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SMALL_RUNS 400
#define LEVELS     3
#define CELLS_MAX  512

static const double levels[LEVELS] = {0.05, 0.01, 0.001};

struct job {
    const struct cell *cell;
    uint64_t seed;
    size_t runs;
    struct run *out;
    atomic_size_t next;
};

static void *work(void *arg)
{
    struct job *j = arg;
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->runs;) {
        struct rng r;
        struct run out = {.most = -INFINITY, .at = INFINITY};
        rng_seed(&r, j->seed * UINT64_C(0x9e3779b97f4a7c15) + i);
        j->cell->run(j->cell, &r, &out);
        j->out[i] = out;
    }
    return NULL;
}

struct tally {
    const struct cell *cell;
    size_t runs;
    double rate[LEVELS], refused;
    double mean_at, found, beside, median_at; /* mean over the runs that ended */
    struct run *run;                          /* FINDS: kept until the table is done */
};

static int compare(const void *a, const void *b)
{
    double x = ((const struct run *)a)->at, y = ((const struct run *)b)->at;
    return (x > y) - (x < y);
}

static void add_up(struct tally *t, struct run *run)
{
    size_t ended = 0, n = t->runs;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < LEVELS; k++)
            t->rate[k] += (run[i].most >= -log(levels[k])) / (double)n;
        t->refused += (double)run[i].refused / (double)n;
        t->beside += run[i].beside / (double)n;
        if (isfinite(run[i].at)) {
            ended++;
            t->mean_at += run[i].at;
        }
    }
    t->mean_at = ended ? t->mean_at / (double)ended : INFINITY;
    t->found = (double)ended / (double)n;
    qsort(run, n, sizeof(*run), compare);
    t->median_at = run[n / 2].at;
    t->run = run;
}

static double allowed(double level, size_t runs)
{
    return level + 3 * sqrt(level * (1 - level) / (double)runs);
}

static const struct tally *clean_of(const struct tally *all, size_t n, const struct tally *t)
{
    if (!t->cell->clean)
        return t;
    for (size_t i = 0; i < n; i++)
        if (all[i].cell->claim == FINDS && strcmp(all[i].cell->method, t->cell->method) == 0 &&
            strcmp(all[i].cell->scene, t->cell->clean) == 0)
            return &all[i];
    return NULL;
}

static const char *judge(const struct cell *c, bool holds)
{
    return c->limit_of ? c->limit_of : holds ? "ok" : "NOT HELD";
}

/* Prints the row; whether its claim holds. */
static bool print_row(const struct tally *all, size_t n, const struct tally *t)
{
    const struct cell *c = t->cell;
    static const char *const words[] = {"false harmful", "false harmless", "finds 3 x margin",
                                        "n / limit", "false alarms"};
    bool holds = true;
    printf("%-18s %-44s %-16s %7zu ", c->method, c->scene, words[c->claim], t->runs);
    switch (c->claim) {
    case FALSE_HARM:
    case FALSE_PASS:
    case REPORT_HARM:
        for (int k = 0; k < LEVELS; k++)
            holds = holds && t->rate[k] <= allowed(levels[k], t->runs);
        if (c->is_clean)
            holds = holds && t->refused <= allowed(0.01, t->runs);
        printf(" %.4f  %.4f  %.5f  ", t->rate[0], t->rate[1], t->rate[2]);
        break;
    case FINDS: {
        const struct tally *clean = clean_of(all, n, t);
        double within = 0;
        if (!clean) {
            printf(" (its clean cell was not run) ");
            break;
        }
        for (size_t i = 0; i < t->runs; i++)
            within += (t->run[i].at <= 10 * clean->mean_at) / (double)t->runs;
        holds = within >= 0.9 - 3 * sqrt(0.09 / (double)t->runs);
        printf(" found %.4f, mean %-8.1f  ", within, t->mean_at);
        break;
    }
    case EFFICIENCY:
        holds = t->found > 0.999 && t->mean_at / c->limit(c->setup) <= c->wanted;
        printf(" %5.2f", t->mean_at / c->limit(c->setup));
        if (t->beside > 0)
            printf(", told the effect %.2f", t->beside / c->limit(c->setup));
        if (c->wanted < 1e3)
            printf(", wanted <= %.2f", c->wanted);
        printf("  ");
        break;
    }
    if (t->refused > 0)
        printf("refused %.4f  ", t->refused);
    printf("%s\n", c->claim == REPORT_HARM ? "" : judge(c, holds));
    fflush(stdout);
    return holds || c->limit_of || c->claim == REPORT_HARM;
}

struct options {
    size_t runs, core_runs;
    uint64_t seed;
    int threads;
    bool is_small;
    const char *only;
};

static void run_cell(const struct options *o, const struct cell *c, uint64_t number,
                     struct tally *t)
{
    pthread_t thread[64];
    size_t runs = (c->is_core ? o->core_runs : o->runs) / (size_t)(c->divide ? c->divide : 1);
    struct job job = {.cell = c, .seed = o->seed + 1000003 * number, .runs = runs ? runs : 1};
    job.out = calloc(job.runs, sizeof(*job.out));
    for (int i = 0; i < o->threads; i++)
        if (pthread_create(&thread[i], NULL, work, &job) != 0)
            abort();
    for (int i = 0; i < o->threads; i++)
        pthread_join(thread[i], NULL);
    *t = (struct tally){.cell = c, .runs = job.runs};
    add_up(t, job.out);
}

static bool is_asked(const struct options *o, const struct cell *c)
{
    if (o->is_small && !c->is_small)
        return false;
    return !o->only || strstr(c->method, o->only) || strstr(c->scene, o->only);
}

static void read_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){.runs = 10000, .core_runs = 100000, .seed = 20261128, .threads = 2};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--small") == 0) {
            o->is_small = true;
            o->runs = o->core_runs = SMALL_RUNS;
            continue;
        }
        if (strcmp(argv[i], "--runs") == 0)
            o->runs = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--core-runs") == 0)
            o->core_runs = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            o->threads = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--cell") == 0)
            o->only = value;
        else {
            fprintf(stderr, "calibrate: unknown option %s\n", argv[i]);
            exit(2);
        }
        i++;
    }
    if (o->threads < 1 || o->threads > 64 || o->runs < 1 || o->core_runs < 1) {
        fprintf(stderr, "calibrate: --threads 1 to 64, --runs at least 1\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct tally tally[CELLS_MAX];
    struct options o;
    size_t n = 0, good = 0, bad = 0;
    uint64_t number = 0;
    time_t began = time(NULL);
    read_options(&o, argc, argv);
    printf("seed %llu, a look at every block; rates at level 0.05, 0.01, 0.001\n",
           (unsigned long long)o.seed);
    printf("%-18s %-44s %-16s %7s\n", "method", "situation", "claim", "runs");
    for (size_t m = 0; all_cells[m]; m++)
        for (size_t i = 0; i < all_cells[m]->n; i++, number++) {
            const struct cell *c = &all_cells[m]->cell[i];
            if (!is_asked(&o, c))
                continue;
            if (n == CELLS_MAX)
                abort();
            run_cell(&o, c, number, &tally[n]);
            n++;
            if (print_row(tally, n, &tally[n - 1]))
                good++;
            else
                bad++;
        }
    for (size_t i = 0; i < n; i++)
        free(tally[i].run);
    printf("wall time %ld s, %d threads\n", (long)(time(NULL) - began), o.threads);
    printf("%zu passed, %zu failed, 0 skipped\n", good, bad);
    return bad ? 1 : 0;
}
