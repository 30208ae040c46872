/*
 * Reading a verdict's JSON back: what was stored, or what a judge elsewhere answered. Unknown
 * members are ignored (a newer judge may say more); what is there must be of its kind.
 */
#include "lib/model/verdict.h"

#include <math.h>
#include <string.h>

static int fail(const struct node *n, const char *key, const char *wants, struct err *err)
{
    struct buf where;
    buf_init(&where, 256);
    node_pointer(n, &where);
    err_set(err, ERR_PROTOCOL, "verdict: %s/%s must be %s", where.data, key, wants);
    buf_release(&where);
    return -1;
}

static bool is_absent(const struct node *n)
{
    return !n || n->type == NODE_NULL;
}

/* NAN when absent or null. */
static int read_number(const struct node *n, const char *key, double *out, struct err *err)
{
    const struct node *v = node_get(n, key);
    *out = NAN;
    if (is_absent(v))
        return 0;
    if (v->type != NODE_NUMBER)
        return fail(n, key, "a number or null", err);
    *out = v->number;
    return 0;
}

/* A whole number within what a double holds exactly; dflt when absent or null. */
static int read_whole(const struct node *n, const char *key, int64_t max, int64_t dflt,
                      int64_t *out, struct err *err)
{
    double v;
    if (read_number(n, key, &v, err) != 0)
        return -1;
    if (!isnan(v) && (v < 0 || v > (double)max || v != floor(v)))
        return fail(n, key, "a whole number", err);
    *out = isnan(v) ? dflt : (int64_t)v;
    return 0;
}

/* Text in the arena; NULL when absent or null. */
static int read_text(const struct node *n, const char *key, const char **out, struct arena *a,
                     struct err *err)
{
    const struct node *v = node_get(n, key);
    *out = NULL;
    if (is_absent(v))
        return 0;
    if (v->type != NODE_STRING)
        return fail(n, key, "text or null", err);
    *out = arena_strdup(a, v->text);
    return 0;
}

static int read_needed_text(const struct node *n, const char *key, const char **out,
                            struct arena *a, struct err *err)
{
    if (read_text(n, key, out, a, err) != 0)
        return -1;
    return *out ? 0 : fail(n, key, "text", err);
}

static int read_reason(const struct node *n, char out[REASON_BYTES], struct err *err)
{
    const struct node *v = node_get(n, "reason");
    out[0] = '\0';
    if (is_absent(v))
        return 0;
    if (v->type != NODE_STRING)
        return fail(n, "reason", "text", err);
    /* A longer one is cut, it is for people; never inside a character. */
    size_t len = strlen(v->text);
    if (len >= REASON_BYTES) {
        len = REASON_BYTES - 1;
        while (len > 0 && (v->text[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(out, v->text, len);
    out[len] = '\0';
    return 0;
}

/* dflt < 0: the word must be there. */
static int read_word(const struct node *n, const char *key, int (*parse)(const char *), int dflt,
                     int *out, struct err *err)
{
    const struct node *v = node_get(n, key);
    if (is_absent(v) && dflt >= 0) {
        *out = dflt;
        return 0;
    }
    *out = v && v->type == NODE_STRING ? parse(v->text) : -1;
    return *out >= 0 ? 0 : fail(n, key, "a word of the contract", err);
}

static int read_bool(const struct node *n, const char *key, bool *out, struct err *err)
{
    const struct node *v = node_get(n, key);
    *out = false;
    if (is_absent(v))
        return 0;
    if (v->type != NODE_BOOL)
        return fail(n, key, "true or false", err);
    *out = v->boolean;
    return 0;
}

static int read_time(const struct node *n, const char *key, struct wall *out, struct err *err)
{
    const struct node *v = node_get(n, key);
    *out = (struct wall){0};
    if (is_absent(v))
        return 0;
    if (v->type != NODE_STRING || wall_parse(v->text, out) != 0)
        return fail(n, key, "a time, as in 2026-11-23T10:15:00Z", err);
    return 0;
}

static int read_object(const struct node *n, const char *key, const struct node **out,
                       struct err *err)
{
    *out = node_get(n, key);
    if (is_absent(*out) || (*out)->type != NODE_OBJECT)
        return fail(n, key, "an object", err);
    return 0;
}

/* A number alone is the relative part. */
static int read_margin(const struct node *n, const char *key, struct spec_margin *out,
                       struct err *err)
{
    const struct node *v = node_get(n, key);
    *out = (struct spec_margin){NAN, NAN};
    if (is_absent(v) || v->type == NODE_NUMBER)
        return read_number(n, key, &out->relative, err);
    if (v->type != NODE_OBJECT)
        return fail(n, key, "a number or an object", err);
    if (read_number(v, "relative", &out->relative, err) != 0)
        return -1;
    return read_number(v, "absolute", &out->absolute, err);
}

static int read_totals(const struct node *n, const char *key, struct cohort_totals *out,
                       struct err *err)
{
    const struct node *v;
    if (read_object(n, key, &v, err) != 0 || read_number(v, "n", &out->n, err) != 0 ||
        read_number(v, "events", &out->events, err) != 0 ||
        read_number(v, "quantile", &out->quantile, err) != 0 ||
        read_number(v, "mean", &out->mean, err) != 0)
        return -1;
    return read_number(v, "sd", &out->sd, err);
}

static int read_effect(const struct node *n, struct evidence *e, struct arena *a, struct err *err)
{
    const struct node *v;
    if (read_object(n, "effect", &v, err) != 0 || read_text(v, "scale", &e->scale, a, err) != 0 ||
        read_number(v, "estimate", &e->estimate, err) != 0 ||
        read_number(v, "lower", &e->lower, err) != 0 ||
        read_number(v, "upper", &e->upper, err) != 0)
        return -1;
    if (isnan(e->upper) && !isnan(e->lower))
        e->upper = INFINITY; /* JSON has none: a lower limit alone means there is no upper one */
    return 0;
}

static int read_late(const struct node *n, struct evidence *e, struct err *err)
{
    const struct node *v = node_get(n, "late");
    e->late_baseline = e->late_candidate = 0;
    if (is_absent(v))
        return 0;
    if (read_number(v, "baseline", &e->late_baseline, err) != 0)
        return -1;
    return read_number(v, "candidate", &e->late_candidate, err);
}

static int read_numbers(const struct node *n, struct evidence *e, struct err *err)
{
    const struct {
        const char *key;
        double *out;
    } numbers[] = {
        {"quantile", &e->quantile},
        {"log_e_fail", &e->log_e_fail},
        {"log_e_pass", &e->log_e_pass},
        {"alpha", &e->alpha},
        {"beta", &e->beta},
        {"dispersion", &e->dispersion},
        {"eta_s", &e->eta_s},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (read_number(n, numbers[i].key, numbers[i].out, err) != 0)
            return -1;
    return 0;
}

static int read_evidence(const struct node *n, struct evidence *e, struct arena *a, struct err *err)
{
    int kind, role, state;
    if (read_needed_text(n, "name", &e->name, a, err) != 0 ||
        read_word(n, "kind", metric_kind_parse, -1, &kind, err) != 0 ||
        read_word(n, "role", metric_role_parse, -1, &role, err) != 0 ||
        read_word(n, "state", evidence_state_parse, -1, &state, err) != 0 ||
        read_text(n, "test", &e->test, a, err) != 0 || read_effect(n, e, a, err) != 0 ||
        read_margin(n, "tolerance", &e->tolerance, err) != 0 ||
        read_margin(n, "margin", &e->margin, err) != 0 || read_numbers(n, e, err) != 0 ||
        read_totals(n, "baseline", &e->baseline, err) != 0 ||
        read_totals(n, "candidate", &e->candidate, err) != 0 ||
        read_bool(n, "dispersion_uncertain", &e->dispersion_uncertain, err) != 0 ||
        read_bool(n, "no_limit", &e->no_limit, err) != 0 || read_late(n, e, err) != 0 ||
        read_reason(n, e->reason, err) != 0)
        return -1;
    e->kind = (enum metric_kind)kind;
    e->role = (enum metric_role)role;
    e->state = (enum evidence_state)state;
    return 0;
}

static int read_metrics(struct verdict *v, const struct node *n, struct arena *a, struct err *err)
{
    const struct node *list = node_get(n, "metrics");
    if (is_absent(list))
        return 0;
    if (list->type != NODE_ARRAY || list->len > MODEL_METRICS_MAX)
        return fail(n, "metrics", "a list of at most 64", err);
    v->metrics = arena_array(a, list->len, sizeof(*v->metrics));
    v->n_metrics = list->len;
    size_t i = 0;
    for (const struct node *item = list->first; item; item = item->next)
        if (read_evidence(item, &v->metrics[i++], a, err) != 0)
            return -1;
    return 0;
}

int verdict_from_json(struct verdict *v, const struct node *n, struct arena *a, struct err *err)
{
    int phase, outcome, mode, word, cause, health, guarantee;
    int64_t segment;
    *v = (struct verdict){0};
    if (n->type != NODE_OBJECT)
        return err_set(err, ERR_PROTOCOL, "verdict: must be an object");
    if (read_needed_text(n, "release", &v->release, a, err) != 0 ||
        read_text(n, "revision", &v->revision, a, err) != 0 ||
        read_whole(n, "seq", INT64_C(1) << 53, 0, &v->seq, err) != 0 ||
        read_word(n, "phase", phase_parse, -1, &phase, err) != 0 ||
        read_word(n, "verdict", verdict_parse, -1, &word, err) != 0 ||
        read_word(n, "cause", cause_parse, CAUSE_NONE, &cause, err) != 0 ||
        read_word(n, "health", health_parse, -1, &health, err) != 0 ||
        read_word(n, "guarantee", guarantee_parse, -1, &guarantee, err) != 0 ||
        read_whole(n, "segment", INT32_MAX, 0, &segment, err) != 0 ||
        read_number(n, "share", &v->share, err) != 0 ||
        read_number(n, "advance_to", &v->advance_to, err) != 0 ||
        read_time(n, "at", &v->at, err) != 0 ||
        read_time(n, "fresh_until", &v->fresh_until, err) != 0 ||
        read_reason(n, v->reason, err) != 0 || read_metrics(v, n, a, err) != 0 ||
        read_word(n, "outcome", outcome_parse, OUTCOME_NONE, &outcome, err) != 0 ||
        read_word(n, "mode", mode_parse, MODE_ENFORCE, &mode, err) != 0 ||
        read_whole(n, "last_block", INT64_C(1) << 53, -1, &v->last_block, err) != 0)
        return -1;
    v->phase = (enum phase)phase;
    v->word = (enum verdict_word)word;
    v->cause = (enum cause)cause;
    v->health = (enum health)health;
    v->guarantee = (enum guarantee)guarantee;
    v->segment = (int)segment;
    v->outcome = (enum outcome)outcome;
    v->mode = (enum mode)mode;
    return 0;
}
