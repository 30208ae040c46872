/*
 * What is done in place of anytime-valid tests: the same two one-sided questions (is it worse? is
 * harm of the margin ruled out?) asked by fixed-horizon tests, once, five times, or always.
 * Overdispersion is not looked at: these tests do not know it, which is one of their faults.
 */
#include <math.h>
#include <stdio.h>

#include "judge/backtest/methods.h"
#include "stats/numerics/student_t.h"
#include "stats/sequential/boundary.h"

#define LOOKS       5
#define BAYES_LEVEL 0.95

/* All guardrails' walks, moved together. */
struct panel {
    const struct replay *r;
    struct look_walk walks[MODEL_METRICS_MAX];
    struct look_z z[MODEL_METRICS_MAX];
    bool is_seen[MODEL_METRICS_MAX]; /* a guardrail with both arms */
    size_t n_guardrails;
};

static void panel_init(struct panel *p, const struct replay *r)
{
    p->r = r;
    p->n_guardrails = 0;
    for (size_t i = 0; i < r->spec->n_metrics; i++) {
        look_walk_init(&p->walks[i], r, i);
        p->n_guardrails += is_guardrail(&r->spec->metrics[i]);
    }
}

static void panel_to(struct panel *p, int64_t block)
{
    for (size_t i = 0; i < p->r->spec->n_metrics; i++)
        p->is_seen[i] =
            is_guardrail(&p->r->spec->metrics[i]) && look_walk_to(&p->walks[i], block, &p->z[i]);
}

static void panel_release(struct panel *p)
{
    for (size_t i = 0; i < p->r->spec->n_metrics; i++)
        look_walk_release(&p->walks[i]);
}

/* One look at bounds for z; true when it decides. */
static bool look_z(struct panel *p, double fail, double pass, int64_t block, struct decided *out)
{
    size_t passed = 0;
    out->looks++;
    for (size_t i = 0; i < p->r->spec->n_metrics; i++) {
        const struct spec_metric *m = &p->r->spec->metrics[i];
        if (!p->is_seen[i])
            continue;
        double z = p->z[i].worse;
        if (z >= fail) {
            decide_at(p->r, out, VERDICT_ROLLBACK, block);
            snprintf(out->why, sizeof(out->why), "%.60s: worse, z %.2f >= %.2f", m->name, z, fail);
            return true;
        }
        passed += p->z[i].better >= pass;
    }
    if (p->n_guardrails && passed == p->n_guardrails) {
        decide_at(p->r, out, VERDICT_PROMOTE, block);
        snprintf(out->why, sizeof(out->why), "harm of the margin excluded, z >= %.2f", pass);
        return true;
    }
    return false;
}

static void undecided(const struct replay *r, struct decided *out)
{
    decide_at(r, out, VERDICT_CONTINUE, r->history->last);
    snprintf(out->why, sizeof(out->why), "neither worse nor within the margin was shown");
}

void run_fixed(const struct replay *r, struct decided *out)
{
    struct panel *p = arena_alloc(r->arena, sizeof(*p));
    panel_init(p, r);
    panel_to(p, r->history->last);
    if (!look_z(p, normal_upper_quantile(r->spec->policy.alpha),
                normal_upper_quantile(r->spec->policy.beta), r->history->last, out))
        undecided(r, out);
    panel_release(p);
}

void run_repeated(const struct replay *r, struct decided *out)
{
    struct panel *p = arena_alloc(r->arena, sizeof(*p));
    double fail = normal_upper_quantile(r->spec->policy.alpha);
    double pass = normal_upper_quantile(r->spec->policy.beta);
    int64_t first = r->history->first + r->spec->policy.min_blocks - 1;
    bool is_over = false;
    panel_init(p, r);
    for (int64_t b = first; b <= r->history->last && !is_over; b++) {
        panel_to(p, b);
        is_over = look_z(p, fail, pass, b, out);
    }
    if (!is_over)
        undecided(r, out);
    panel_release(p);
}

/* Bounds of five equal looks, O'Brien and Fleming's kind of spending; false when there are none. */
static bool bounds_of(double level, double upper[LOOKS])
{
    static const struct spending spending = {.shape = SPEND_OBRIEN_FLEMING};
    struct look looks[LOOKS];
    struct err err = {0};
    for (int k = 0; k < LOOKS; k++)
        looks[k] = (struct look){.t = (k + 1.0) / LOOKS, .lower = -INFINITY, .upper = INFINITY};
    if (boundary_by_spending(looks, LOOKS, 1, level, ONE_SIDE, &spending, &err) != 0)
        return false;
    for (int k = 0; k < LOOKS; k++)
        upper[k] = looks[k].upper;
    return true;
}

void run_group_sequential(const struct replay *r, struct decided *out)
{
    struct panel *p = arena_alloc(r->arena, sizeof(*p));
    const struct history *h = r->history;
    double fail[LOOKS], pass[LOOKS];
    bool is_over =
        !bounds_of(r->spec->policy.alpha, fail) || !bounds_of(r->spec->policy.beta, pass);
    panel_init(p, r);
    for (int k = 0; k < LOOKS && !is_over; k++) {
        int64_t b = h->first + (h->last - h->first + 1) * (k + 1) / LOOKS - 1;
        panel_to(p, b);
        is_over = look_z(p, fail[k], pass[k], b, out);
    }
    if (!is_over)
        undecided(r, out);
    panel_release(p);
}

static bool look_bayes(struct panel *p, int64_t block, struct decided *out)
{
    size_t better = 0;
    out->looks++;
    for (size_t i = 0; i < p->r->spec->n_metrics; i++) {
        const struct spec_metric *m = &p->r->spec->metrics[i];
        if (!p->is_seen[i])
            continue;
        double worse = p->z[i].chance_worse;
        if (worse >= BAYES_LEVEL) {
            decide_at(p->r, out, VERDICT_ROLLBACK, block);
            snprintf(out->why, sizeof(out->why), "%.60s: worse with chance %.3f", m->name, worse);
            return true;
        }
        better += 1 - worse >= BAYES_LEVEL;
    }
    if (!p->n_guardrails || better < p->n_guardrails)
        return false;
    decide_at(p->r, out, VERDICT_PROMOTE, block);
    snprintf(out->why, sizeof(out->why), "better with chance >= %g", BAYES_LEVEL);
    return true;
}

void run_bayesian(const struct replay *r, struct decided *out)
{
    struct panel *p = arena_alloc(r->arena, sizeof(*p));
    int64_t first = r->history->first + r->spec->policy.min_blocks - 1;
    bool is_over = false;
    panel_init(p, r);
    for (int64_t b = first; b <= r->history->last && !is_over; b++) {
        panel_to(p, b);
        is_over = look_bayes(p, b, out);
    }
    if (!is_over) {
        decide_at(r, out, VERDICT_CONTINUE, r->history->last);
        snprintf(out->why, sizeof(out->why), "no chance reached %g", BAYES_LEVEL);
    }
    panel_release(p);
}
