/*
 * The whole canary by simulation, through the production functions, a look at every block.
 *
 * Each row is a claim about error rates: a false rollback at no harm has probability <= alpha, a
 * wrong step into share s at harm of exactly margin/s <= beta, harm of three times the margin is
 * found in 90 % of the runs. A row fails when its rate is beyond the claim by more than three
 * standard errors (of the claim, at this number of runs); rows that state a limit of the method are
 * only printed.
 *
 *   test_sim_canary                    a small table, in `make test`
 *   test_sim_canary --full             20,000 runs a row, in `make test-long`
 *   options: --runs N, --row TEXT (rows whose name has it), --seed N, --threads N
 *
 * Error budget: a row that exactly meets its claim is over it by three standard errors with
 * probability 0.13 %; the seed is fixed, so a green table stays green until the code changes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "judge/simulate/traffic.h"
#include "tests/judge/decide/canary.h"

#define STEPS 4 /* shares with a baseline */

static const double shares[STEPS + 1] = {0.01, 0.05, 0.25, 0.50, 1};

enum claim {
    NO_HARM,      /* rolled back: <= alpha */
    NO_REACH,     /* got to share `reach`: <= beta; `fail` is switched off */
    FINDS,        /* rolled back within the horizon: >= 90 % */
    REPORT_HARM,  /* printed only: rolled back */
    REPORT_REACH, /* printed only: got to `reach` */
};

struct row {
    const char *name;
    enum claim claim;
    double reach;
    double ratio[STEPS]; /* candidate over baseline (of rates, or of latencies) at each share */
    double excess;       /* added to the candidate's rate at every share */
    double requests;     /* a second, both cohorts */
    double p0;
    double relative, absolute; /* margin; NAN: none */
    struct noise noise;
    bool is_walk_held; /* the split changes by the clock, whatever the judge says */
    int onset,
        within; /* FINDS: harm begins after `onset` blocks, the last at 5 %, is found in... */
    bool is_latency;
    enum latency_shape shape;
    bool in_small; /* part of the small table */
};

#define FLAT(r)                                                                                    \
    {                                                                                              \
        r, r, r, r                                                                                 \
    }
#define COUNTS  .requests = 2000, .p0 = 0.01, .relative = 0.5, .absolute = NAN
#define LATENCY .requests = 2000, .p0 = 0.05, .relative = 0.2, .absolute = NAN, .is_latency = true

static const struct row rows[] = {
    /* A false rollback: no harm, the split changes at every step, nothing passes. */
    {"no events at all", NO_HARM, .ratio = FLAT(1), .requests = 2000, .p0 = 0, .relative = 0.5,
     .absolute = 0.005, .is_walk_held = true, .in_small = true},
    {"few events", NO_HARM, .ratio = FLAT(1), .requests = 10000, .p0 = 0.0005, .relative = 0.5,
     .absolute = NAN, .is_walk_held = true},
    {"phi 1", NO_HARM, .ratio = FLAT(1), COUNTS, .is_walk_held = true, .in_small = true},
    {"phi 1.6", NO_HARM, .ratio = FLAT(1), COUNTS, .noise = {.dispersion = 1.6},
     .is_walk_held = true},
    {"phi 4", NO_HARM, .ratio = FLAT(1), COUNTS, .noise = {.dispersion = 4}, .is_walk_held = true,
     .in_small = true},
    {"noisy arms, CV^2 0.5", NO_HARM, .ratio = FLAT(1), COUNTS, .noise = {.rate_cv2 = 0.5},
     .is_walk_held = true, .in_small = true},
    {"phi 4, 300/s", NO_HARM, .ratio = FLAT(1), .requests = 300, .p0 = 0.03, .relative = 0.5,
     .absolute = NAN, .noise = {.dispersion = 4}, .is_walk_held = true},
    {"phi 4, absolute margin", NO_HARM, .ratio = FLAT(1), .requests = 2000, .p0 = 0.01,
     .relative = 0.5, .absolute = 0.005, .noise = {.dispersion = 4}, .is_walk_held = true},
    {"phi 4, by the exposure rule", NO_HARM, .ratio = FLAT(1), COUNTS, .noise = {.dispersion = 4}},
    {"noisy arms, by the exposure rule", NO_HARM, .ratio = FLAT(1), COUNTS,
     .noise = {.rate_cv2 = 0.5}},
    {"exponential latency", NO_HARM, .ratio = FLAT(1), LATENCY, .shape = LATENCY_EXPONENTIAL,
     .is_walk_held = true},
    {"lognormal latency", NO_HARM, .ratio = FLAT(1), LATENCY, .shape = LATENCY_LOGNORMAL,
     .is_walk_held = true},
    {"lognormal, by the exposure rule", NO_HARM, .ratio = FLAT(1), LATENCY,
     .shape = LATENCY_LOGNORMAL, .in_small = true},

    /* A wrong step: harm of exactly margin/s, `fail` switched off because it hides errors of
       `pass`. */
    {"into 5 % at r 11, phi 1", NO_REACH, 0.05, FLAT(11), COUNTS, .in_small = true},
    {"into 5 % at r 11, phi 1.6", NO_REACH, 0.05, FLAT(11), COUNTS, .noise = {.dispersion = 1.6}},
    {"into 5 % at r 11, phi 4", NO_REACH, 0.05, FLAT(11), COUNTS, .noise = {.dispersion = 4}},
    {"into 5 % at r 11, noisy arms", NO_REACH, 0.05, FLAT(11), COUNTS, .noise = {.rate_cv2 = 0.5}},
    {"into 25 % at r 3, phi 1", NO_REACH, 0.25, FLAT(3), COUNTS, .in_small = true},
    {"into 25 % at r 3, phi 1.6", NO_REACH, 0.25, FLAT(3), COUNTS, .noise = {.dispersion = 1.6}},
    {"into 25 % at r 3, phi 4", NO_REACH, 0.25, FLAT(3), COUNTS, .noise = {.dispersion = 4},
     .in_small = true},
    {"into 25 % at r 3, noisy arms", NO_REACH, 0.25, FLAT(3), COUNTS, .noise = {.rate_cv2 = 0.5}},
    {"into 50 % at r 2, phi 1", NO_REACH, 0.50, FLAT(2), COUNTS},
    {"into 50 % at r 2, phi 4", NO_REACH, 0.50, FLAT(2), COUNTS, .noise = {.dispersion = 4}},
    {"into 50 % at r 2, noisy arms", NO_REACH, 0.50, FLAT(2), COUNTS, .noise = {.rate_cv2 = 0.5}},
    {"promote at r 1.5, phi 1", NO_REACH, 1, FLAT(1.5), COUNTS, .in_small = true},
    {"promote at r 1.5, phi 1.6", NO_REACH, 1, FLAT(1.5), COUNTS, .noise = {.dispersion = 1.6}},
    {"promote at r 1.5, phi 4", NO_REACH, 1, FLAT(1.5), COUNTS, .noise = {.dispersion = 4}},
    {"promote at r 1.5, noisy arms", NO_REACH, 1, FLAT(1.5), COUNTS, .noise = {.rate_cv2 = 0.5}},
    {"into 50 %, r 2 only from 25 %", NO_REACH, 0.50, {1, 1, 2, 2}, COUNTS},
    {"promote, r 1.5 only from 25 %", NO_REACH, 1, {1, 1, 1.5, 1.5}, COUNTS},
    {"promote, r 1.5 only from 50 %", NO_REACH, 1, {1, 1, 1, 1.5}, COUNTS, .in_small = true},
    {"promote, r 1.5 only from 50 %, phi 4",
     NO_REACH,
     1,
     {1, 1, 1, 1.5},
     COUNTS,
     .noise = {.dispersion = 4}},
    {"promote at +0.5 points, p0 0.05 %", NO_REACH, 1, FLAT(1), .excess = 0.005, .requests = 10000,
     .p0 = 0.0005, .relative = NAN, .absolute = 0.005},
    {"promote at both margins' edge", NO_REACH, 1, FLAT(1.5), .requests = 2000, .p0 = 0.01,
     .relative = 0.5, .absolute = 0.005, .in_small = true},
    {"into 5 % at p95 x 4.87, exponential", NO_REACH, 0.05, FLAT(0), LATENCY,
     .shape = LATENCY_EXPONENTIAL},
    {"into 25 % at p95's edge, lognormal", NO_REACH, 0.25, FLAT(0), LATENCY,
     .shape = LATENCY_LOGNORMAL},
    {"into 50 % at p95's edge, exponential", NO_REACH, 0.50, FLAT(0), LATENCY,
     .shape = LATENCY_EXPONENTIAL},
    {"promote at p95 +20 %, lognormal", NO_REACH, 1, FLAT(0), LATENCY, .shape = LATENCY_LOGNORMAL,
     .in_small = true},
    {"promote at p95 +20 %, exponential", NO_REACH, 1, FLAT(0), LATENCY,
     .shape = LATENCY_EXPONENTIAL},

    /* Power: three times the margin. */
    {"3 x margin, phi 1", FINDS, .ratio = FLAT(2.5), COUNTS, .in_small = true},
    {"3 x margin, phi 4", FINDS, .ratio = FLAT(2.5), COUNTS, .noise = {.dispersion = 4}},
    {"3 x margin, noisy arms", FINDS, .ratio = FLAT(2.5), COUNTS, .noise = {.rate_cv2 = 0.5}},
    {"3 x margin of p95, lognormal", FINDS, .ratio = FLAT(1.6), LATENCY, .shape = LATENCY_LOGNORMAL,
     .in_small = true},
    {"3 x margin of p95, exponential", FINDS, .ratio = FLAT(1.6), LATENCY,
     .shape = LATENCY_EXPONENTIAL},

    /* Harm that begins at block 40 of the step at 5 %, after 50 blocks at 1 %. */
    {"4 times, from block 40 of a step", FINDS, .ratio = FLAT(4), COUNTS, .is_walk_held = true,
     .onset = 90, .within = 30, .in_small = true},
    {"20 times, from block 40 of a step", FINDS, .ratio = FLAT(20), COUNTS, .is_walk_held = true,
     .onset = 90, .within = 15, .in_small = true},
    {"20 times, from block 40, phi 4", FINDS, .ratio = FLAT(20), COUNTS, .noise = {.dispersion = 4},
     .is_walk_held = true, .onset = 90, .within = 20},
    {"20 times, from block 40, noisy arms", FINDS, .ratio = FLAT(20), COUNTS,
     .noise = {.rate_cv2 = 0.5}, .is_walk_held = true, .onset = 90, .within = 20},
    {"p95 x 1.6, from block 40 of a step", FINDS, .ratio = FLAT(1.6), LATENCY,
     .shape = LATENCY_LOGNORMAL, .is_walk_held = true, .onset = 90, .within = 25, .in_small = true},

    /* Time to promote, and the limits of the method. */
    {"harmless is promoted", REPORT_REACH, 1, FLAT(1), COUNTS, .in_small = true},
    {"harmless p95 is promoted", REPORT_REACH, 1, FLAT(1), LATENCY, .shape = LATENCY_LOGNORMAL},
    {"noise over 10 blocks, sd 0.5", REPORT_HARM, .ratio = FLAT(1), COUNTS,
     .noise = {.ar_sd = 0.5, .ar_blocks = 10}, .is_walk_held = true},
    {"noise over 30 blocks, sd 0.5", REPORT_HARM, .ratio = FLAT(1), COUNTS,
     .noise = {.ar_sd = 0.5, .ar_blocks = 30}, .is_walk_held = true},
    {"noise over 10 blocks, promote at r 1.5", REPORT_REACH, 1, FLAT(1.5), COUNTS,
     .noise = {.ar_sd = 0.5, .ar_blocks = 10}},
    {"noise over 30 blocks, promote at r 1.5", REPORT_REACH, 1, FLAT(1.5), COUNTS,
     .noise = {.ar_sd = 0.5, .ar_blocks = 30}},
};

#define HORIZON_EVENTS   10000.0
#define HELD_STEP        50    /* blocks a share when the split changes by the clock */
#define BLOCKS_MOST      20000 /* where there are no events to count */
#define BLOCKS_NO_EVENTS 600
#define NEVER_FAILS      1e-300 /* alpha of the rows without `fail` */

static double horizon_blocks(const struct row *w)
{
    double events = w->requests * w->p0;
    if (w->onset)
        return w->onset + w->within;
    return events > 0 ? fmin(BLOCKS_MOST, ceil(HORIZON_EVENTS / events)) : BLOCKS_NO_EVENTS;
}

static struct latency latency_of(const struct row *w, double factor)
{
    return (struct latency){.shape = w->shape, .scale = 100 * factor, .log_sd = 0.5};
}

/* The scale at which the candidate lies exactly on the null of share s: (1-s) q0 + s q1 = 1 - p. */
static double latency_edge(const struct row *w, double s)
{
    struct latency l = latency_of(w, 1);
    double x = (1 + w->relative) * latency_at_tail(&l, w->p0);
    double q1 = (w->p0 - (1 - s) * latency_tail(&l, x)) / s;
    return x / latency_at_tail(&l, q1);
}

struct run_outcome {
    bool is_harmful;
    double reached;
    int blocks;
};

struct tables {
    struct latency_table baseline, candidate[STEPS];
};

struct sim {
    const struct row *row;
    const struct tables *tables;
    struct rng rng;
    struct noise_state noise;
    struct hist h0, h1;
};

static void feed_block(struct sim *sim, struct canary *c, int step, bool is_harm)
{
    const struct row *w = sim->row;
    double x1 = traffic_arrivals(&sim->rng, w->requests * shares[step]);
    double x0 = traffic_arrivals(&sim->rng, w->requests * (1 - shares[step]));
    if (!w->is_latency) {
        double rate1 = w->p0 * (is_harm ? w->ratio[step] : 1) + w->excess;
        double rate[2] = {w->p0, rate1}, x[2] = {x0, x1}, events[2];
        for (int arm = 0; arm < 2; arm++) {
            double factor = noise_factor(&w->noise, &sim->noise, &sim->rng, arm);
            events[arm] = noise_count(&w->noise, &sim->rng, x[arm] * rate[arm] * factor);
        }
        canary_counts(c, 0, events[0], x0, events[1], x1);
        return;
    }
    hist_clear(&sim->h0);
    hist_clear(&sim->h1);
    latency_draw(&sim->tables->baseline, &sim->rng, x0, 1, &sim->h0);
    latency_draw(is_harm ? &sim->tables->candidate[step] : &sim->tables->baseline, &sim->rng, x1, 1,
                 &sim->h1);
    struct block b = {.index = c->next, .cohorts = 2}; /* borrows the histograms: not released */
    b.cohort[0] = (struct summary){.kind = SUMMARY_HIST, .hist = sim->h0};
    b.cohort[1] = (struct summary){.kind = SUMMARY_HIST, .hist = sim->h1};
    decision_take(c->d, 0, c->segments, c->n_segments, &b);
}

static struct run_outcome run_canary(struct sim *sim)
{
    const struct row *w = sim->row;
    struct canary c;
    struct run_outcome out = {.reached = shares[0]};
    canary_prepare(&c);
    if (w->is_latency)
        c.metrics[0] = canary_metric("latency", METRIC_QUANTILE);
    c.metrics[0].margin = (struct spec_margin){w->relative, w->absolute};
    if (w->claim == NO_REACH)
        c.spec.policy.alpha = NEVER_FAILS;
    c.in.states_only = true;
    c.in.is_paused = w->is_walk_held;
    canary_start(&c);
    int step = 0, horizon = (int)horizon_blocks(w), held = 0;
    canary_shift(&c, shares[0], shares[1]);
    for (; out.blocks < horizon; out.blocks++) {
        bool is_last = w->onset ? step == 1 : c.n_segments == CANARY_SEGMENTS;
        if (w->is_walk_held && held++ == HELD_STEP && !is_last) {
            held = 1;
            step = (step + 1) % STEPS;
            canary_shift(&c, shares[step], shares[step + 1]);
        }
        feed_block(sim, &c, step, out.blocks >= w->onset);
        canary_tick(&c);
        const struct verdict *v = canary_read(&c);
        if (v->word == VERDICT_ROLLBACK) {
            out.is_harmful = true;
            break;
        }
        if (v->word == VERDICT_PROMOTE) {
            out.reached = 1;
            break;
        }
        if (v->word != VERDICT_ADVANCE)
            continue;
        out.reached = v->advance_to;
        if (w->claim == NO_REACH && out.reached >= w->reach)
            break;
        step++;
        BUG_ON(step >= STEPS);
        canary_shift(&c, shares[step], shares[step + 1]);
    }
    canary_end(&c);
    return out;
}

/* ---- many runs, on all processors; run i always has the same seed ---- */

struct crew {
    const struct row *row;
    const struct tables *tables;
    uint64_t seed;
    int runs;
    atomic_int next, hits;
    int *blocks; /* of the runs that hit; -1 otherwise */
};

static bool is_hit(const struct row *w, const struct run_outcome *o)
{
    if (w->claim == NO_REACH || w->claim == REPORT_REACH)
        return o->reached >= w->reach;
    return o->is_harmful && o->blocks >= w->onset;
}

static void *work(void *arg)
{
    struct crew *crew = arg;
    struct sim sim = {.row = crew->row, .tables = crew->tables};
    hist_init(&sim.h0);
    hist_init(&sim.h1);
    for (int i; (i = atomic_fetch_add(&crew->next, 1)) < crew->runs;) {
        rng_seed(&sim.rng, crew->seed + (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15));
        noise_start(&crew->row->noise, &sim.noise, &sim.rng);
        struct run_outcome o = run_canary(&sim);
        crew->blocks[i] = is_hit(crew->row, &o) ? o.blocks + 1 : -1;
        if (crew->blocks[i] > 0)
            atomic_fetch_add(&crew->hits, 1);
    }
    hist_release(&sim.h0);
    hist_release(&sim.h1);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int median_hit(int *blocks, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (blocks[i] > 0)
            blocks[kept++] = blocks[i];
    if (!kept)
        return 0;
    qsort(blocks, (size_t)kept, sizeof(blocks[0]), by_value);
    return blocks[kept / 2];
}

/* Sanitizers look for other faults: a few runs show them as well as many. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SMALL_RUNS 30
#else
#define SMALL_RUNS 300
#endif

struct options {
    bool is_full;
    int runs, threads;
    uint64_t seed;
    const char *row;
};

static struct options options = {.seed = 20261123};

static void make_tables(struct tables *t, const struct row *w)
{
    struct latency baseline = latency_of(w, 1);
    latency_table_init(&t->baseline, &baseline);
    for (int i = 0; i < STEPS; i++) {
        double factor = w->ratio[i] > 0 ? w->ratio[i] : latency_edge(w, w->reach);
        struct latency candidate = latency_of(w, factor);
        latency_table_init(&t->candidate[i], &candidate);
    }
}

/* Runs the row and prints its line; false when the claim does not hold. */
static bool run_row(const struct row *w, int runs)
{
    static struct tables tables; /* rows run one after the other */
    struct crew crew = {.row = w, .tables = &tables, .seed = options.seed, .runs = runs};
    struct timespec t0, t1;
    pthread_t threads[16];
    clock_gettime(CLOCK_MONOTONIC, &t0);
    if (w->is_latency)
        make_tables(&tables, w);
    for (const char *n = w->name; *n; n++)
        crew.seed = crew.seed * 31 + (unsigned char)*n;
    crew.blocks = mem_alloc_array((size_t)runs, sizeof(int));
    for (int i = 0; i < options.threads; i++)
        BUG_ON(pthread_create(&threads[i], NULL, work, &crew) != 0);
    for (int i = 0; i < options.threads; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    double rate = (double)crew.hits / runs, se = sqrt(rate * (1 - rate) / runs), limit = NAN;
    if (w->claim == NO_HARM)
        limit = 0.01 + 3 * sqrt(0.01 * 0.99 / runs);
    else if (w->claim == NO_REACH)
        limit = 0.05 + 3 * sqrt(0.05 * 0.95 / runs);
    else if (w->claim == FINDS)
        limit = 0.90 - 3 * sqrt(0.90 * 0.10 / runs);
    bool ok = isnan(limit) || (w->claim == FINDS ? rate >= limit : rate <= limit);
    const char *what = w->claim == NO_HARM || w->claim == REPORT_HARM || w->claim == FINDS
                           ? "rolled back"
                           : "got there";
    printf("%-40s %-11s %6d %7d  %.4f  %.4f ", w->name, what, runs, (int)horizon_blocks(w), rate,
           se);
    if (isnan(limit))
        printf("       -  limit  ");
    else
        printf(" %s %.4f  %-5s ", w->claim == FINDS ? ">=" : "<=", limit, ok ? "ok" : "OVER");
    printf(" %7d  %6.1f\n", median_hit(crew.blocks, runs),
           (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9);
    fflush(stdout);
    free(crew.blocks);
    return ok;
}

static void table(void)
{
    int runs = options.runs ? options.runs : options.is_full ? 20000 : SMALL_RUNS;
    int over = 0, done = 0;
    printf("seed %llu, alpha 0.01, beta 0.05, blocks of 1 s, a look at each block, %d threads\n",
           (unsigned long long)options.seed, options.threads);
    printf("%-40s %-11s %6s %7s  %-6s  %-6s  %9s  %-5s  %7s  %6s\n", "row", "event", "runs",
           "blocks", "rate", "s.e.", "claim", "", "median", "s");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (options.row ? !strstr(rows[i].name, options.row)
                        : !options.is_full && !rows[i].in_small)
            continue;
        over += !run_row(&rows[i], runs);
        done++;
    }
    printf("%d rows, %d over their claim\n", done, over);
    T_CHECK(done > 0);
    T_EQ_INT(over, 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"whole_canary", table}};
    options.threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--full") == 0) {
            options.is_full = true;
            continue;
        }
        if (strcmp(argv[i], "--runs") == 0)
            options.runs = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            options.threads = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--row") == 0)
            options.row = value;
        else {
            fprintf(stderr, "usage: test_sim_canary [--full] [--runs N] [--row TEXT] [--seed N] "
                            "[--threads N]\n");
            return 2;
        }
        i++;
    }
    options.threads = options.threads < 1 ? 1 : options.threads > 16 ? 16 : options.threads;
    return t_main(1, argv, tests, ARRAY_LEN(tests));
}
