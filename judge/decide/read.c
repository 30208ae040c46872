/*
 * From evidence to one word. The order of the rules is the order of importance: a person, what has
 * latched, what must go back, what time decides, what must wait, what may go on. Each rule either
 * speaks or leaves it to the next.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/decide/decide_priv.h"
#include "lib/base/num.h"

#define FRESH_US     (30 * US_PER_SECOND)
#define FRESH_BLOCKS 3

/* What the rules read and write. */
struct saying {
    const struct look *k;
    struct verdict *v;
    enum health health;
    size_t unhealthy; /* the metric the health is about */
};

static void speak(struct saying *s, enum verdict_word word, enum cause cause, const char *reason)
{
    s->v->word = word;
    s->v->cause = cause;
    snprintf(s->v->reason, sizeof(s->v->reason), "%s", reason);
}

static bool rule_person(struct saying *s)
{
    const struct decision_order *o = s->k->in->order;
    if (!o || (o->verb != ORDER_PROMOTE && o->verb != ORDER_ROLLBACK))
        return false;
    /* The order that ended the judging is not one to cut the bake short. */
    const struct latch *before = &s->k->d->latch[STAGE_JUDGING];
    if (s->k->stage == STAGE_BAKING && o->verb == ORDER_PROMOTE && before->is_set &&
        before->cause == CAUSE_PERSON)
        return false;
    char text[REASON_BYTES];
    snprintf(text, sizeof(text), "%s ordered it: %s", o->who ? o->who : "somebody",
             o->why && o->why[0] ? o->why : "no reason given");
    speak(s, o->verb == ORDER_PROMOTE ? VERDICT_PROMOTE : VERDICT_ROLLBACK, CAUSE_PERSON, text);
    if (o->verb == ORDER_PROMOTE)
        s->v->advance_to = 1;
    return true;
}

static bool rule_latched(struct saying *s)
{
    const struct latch *l = &s->k->d->latch[s->k->stage];
    if (!l->is_set)
        return false;
    speak(s, l->word, l->cause, l->reason);
    s->v->segment = l->segment;
    s->v->share = l->share;
    s->v->advance_to = l->advance_to;
    return true;
}

static bool rule_trouble(struct saying *s)
{
    const char *why = s->k->in->trouble_why ? s->k->in->trouble_why : "";
    char text[REASON_BYTES];
    switch (s->k->in->trouble) {
    case CAUSE_UNHEALTHY:
        snprintf(text, sizeof(text), "the platform calls the candidate unhealthy: %s", why);
        speak(s, VERDICT_ROLLBACK, CAUSE_UNHEALTHY, text);
        return true;
    case CAUSE_DRIFT:
        snprintf(text, sizeof(text), "the world is not as it was left: %s", why);
        speak(s, VERDICT_HOLD, CAUSE_DRIFT, text);
        return true;
    case CAUSE_PLATFORM:
        snprintf(text, sizeof(text), "the platform does not follow: %s", why);
        speak(s, VERDICT_HOLD, CAUSE_PLATFORM, text);
        return true;
    default:
        return false;
    }
}

/* Harm of a role: the metric furthest beyond its threshold speaks. */
static bool harm_of(struct saying *s, enum metric_role role, enum verdict_word word)
{
    const struct evidence *worst = NULL;
    for (size_t i = 0; i < s->v->n_metrics; i++) {
        const struct evidence *e = &s->v->metrics[i];
        if (e->role != role || e->state != STATE_HARMFUL)
            continue;
        if (!worst || e->log_e_fail + log(e->alpha) > worst->log_e_fail + log(worst->alpha))
            worst = e;
    }
    if (worst)
        speak(s, word, CAUSE_HARM, worst->reason);
    return worst;
}

static bool rule_harm(struct saying *s)
{
    return harm_of(s, ROLE_GUARDRAIL, VERDICT_ROLLBACK);
}

static bool rule_drift_or_platform(struct saying *s)
{
    return s->k->in->trouble != CAUSE_UNHEALTHY && rule_trouble(s);
}

static bool rule_unhealthy(struct saying *s)
{
    return s->k->in->trouble == CAUSE_UNHEALTHY && rule_trouble(s);
}

static bool rule_no_data(struct saying *s)
{
    char text[REASON_BYTES] = "";
    if (s->health != HEALTH_NO_DATA)
        return false;
    if (!s->k->in->states_only)
        health_reason(s->k, s->health, s->unhealthy, text);
    bool back = s->k->d->spec->policy.on_no_data == ON_NO_DATA_ROLLBACK;
    speak(s, back ? VERDICT_ROLLBACK : VERDICT_HOLD, CAUSE_NO_DATA, text);
    return true;
}

static bool rule_deadline(struct saying *s)
{
    const struct spec_policy *policy = &s->k->d->spec->policy;
    const struct decision_input *in = s->k->in;
    const struct wall from = in->resumed.us > in->started.us ? in->resumed : in->started;
    if (s->k->stage == STAGE_BAKING || policy->deadline_us <= 0 ||
        in->now.us - from.us < policy->deadline_us)
        return false;
    char text[REASON_BYTES], deadline[WALL_TEXT_BYTES];
    snprintf(text, sizeof(text), "not decided within the deadline of %s",
             duration_words((double)policy->deadline_us / 1e6, deadline));
    bool back = policy->on_deadline == ON_DEADLINE_ROLLBACK;
    speak(s, back ? VERDICT_ROLLBACK : VERDICT_INCONCLUSIVE, CAUSE_DEADLINE, text);
    return true;
}

static bool rule_paused(struct saying *s)
{
    if (!s->k->in->is_paused)
        return false;
    char text[REASON_BYTES];
    const char *why = s->k->in->paused_why;
    snprintf(text, sizeof(text), "paused%s%s", why && why[0] ? ": " : "", why ? why : "");
    speak(s, VERDICT_HOLD, CAUSE_PERSON, text);
    return true;
}

static bool rule_health(struct saying *s)
{
    char text[REASON_BYTES] = "";
    if (s->health == HEALTH_OK)
        return false;
    if (!s->k->in->states_only)
        health_reason(s->k, s->health, s->unhealthy, text);
    speak(s, VERDICT_HOLD, CAUSE_NONE, text);
    return true;
}

static bool rule_signal(struct saying *s)
{
    return harm_of(s, ROLE_SIGNAL, VERDICT_HOLD);
}

/* Nothing can pass here: no split is open, or the bake. */
static bool rule_waiting(struct saying *s)
{
    if (s->k->stage == STAGE_BAKING)
        return false;
    const struct segment *seg = s->k->seg;
    if (seg && !seg->closed.us && !seg->is_bake && !(seg->share <= 0) && !(seg->share >= 1))
        return false;
    speak(s, VERDICT_CONTINUE, CAUSE_NONE, "waiting for the next shift of traffic");
    return true;
}

/* The end of the bake is a matter of sealed time, never of the clock alone. */
static bool rule_bake(struct saying *s)
{
    if (s->k->stage != STAGE_BAKING)
        return false;
    const struct spec *spec = s->k->d->spec;
    const struct segment *seg = s->k->seg;
    bool is_over = seg && seg->is_bake;
    const struct evidence *first = NULL;
    for (size_t i = 0; i < s->v->n_metrics; i++) {
        const struct metric_state *m = &s->k->d->metrics[i];
        if (!is_judged(m))
            continue;
        first = first ? first : &s->v->metrics[i];
        int64_t last = s->k->in->sealed[i];
        is_over = is_over && last != DECISION_NO_BLOCK && m->bake == seg->id &&
                  block_start(last + 1, spec->policy.block_us).us - seg->opened.us >= spec->bake_us;
    }
    if (is_over && first) {
        speak(s, VERDICT_PROMOTE, CAUSE_NONE,
              "the bake is over and nothing was shown against the release");
        s->v->advance_to = 1;
    } else {
        speak(s, VERDICT_CONTINUE, CAUSE_NONE, first ? first->reason : "baking");
    }
    return true;
}

/* Is there still something to wait for before the step may end? Says what. */
static bool step_must_last(const struct saying *s, char text[REASON_BYTES])
{
    const struct segment *seg = s->k->seg;
    char words[WALL_TEXT_BYTES], n[NUM_TEXT_BYTES];
    int64_t left_us = seg->opened.us + seg->min_time_us - s->k->in->now.us;
    if (seg->min_time_us > 0 && left_us > 0) {
        snprintf(text, REASON_BYTES, "the step lasts at least %s more",
                 duration_words((double)left_us / 1e6, words));
        return true;
    }
    for (size_t i = 0; seg->min_samples && i < s->v->n_metrics; i++) {
        const struct metric_state *m = &s->k->d->metrics[i];
        struct cohort_totals baseline, candidate = {0};
        if (m->spec->role != ROLE_GUARDRAIL || m->kind->is_decree)
            continue;
        if (is_in_step(s->k, m) && m->test[PURPOSE_STEP].is_present)
            m->kind->totals(&m->test[PURPOSE_STEP], m->spec, &baseline, &candidate);
        if (candidate.n >= (double)seg->min_samples)
            continue;
        snprintf(text, REASON_BYTES, "%s: the step waits for %s samples of the candidate",
                 m->spec->name, num_words_count((double)seg->min_samples, n));
        return true;
    }
    return false;
}

/* A decree that does not object: nothing waits for more of it. Before its state was told once it
 * is not known whether it does. */
static bool is_silent_decree(const struct saying *s, size_t i)
{
    const struct evidence *e = &s->v->metrics[i];
    return s->k->d->metrics[i].kind->is_decree && e->state == STATE_UNDECIDED && e->candidate.n > 0;
}

static bool rule_undecided(struct saying *s)
{
    const struct evidence *slowest = NULL;
    size_t guardrails = 0;
    char text[REASON_BYTES];
    for (size_t i = 0; i < s->v->n_metrics; i++) {
        const struct evidence *e = &s->v->metrics[i];
        if (e->role != ROLE_GUARDRAIL || is_silent_decree(s, i))
            continue;
        guardrails++;
        if (e->state == STATE_HARMLESS)
            continue;
        /* An unknown time is longer than any. */
        double left = isnan(e->eta_s) ? INFINITY : e->eta_s;
        if (!slowest || left > (isnan(slowest->eta_s) ? INFINITY : slowest->eta_s))
            slowest = e;
    }
    if (slowest) {
        speak(s, VERDICT_CONTINUE, CAUSE_NONE, slowest->reason);
        return true;
    }
    if (!guardrails) {
        speak(s, VERDICT_CONTINUE, CAUSE_NONE,
              "no guardrail is declared, so nothing can prove it harmless");
        return true;
    }
    if (step_must_last(s, text)) {
        speak(s, VERDICT_CONTINUE, CAUSE_NONE, text);
        return true;
    }
    return false;
}

/* Every guardrail is harmless at the share asked for. The one with the least to spare speaks. */
static bool rule_pass(struct saying *s)
{
    const struct evidence *closest = NULL;
    for (size_t i = 0; i < s->v->n_metrics; i++) {
        const struct evidence *e = &s->v->metrics[i];
        if (e->role == ROLE_GUARDRAIL && !s->k->d->metrics[i].kind->is_decree &&
            (!closest || (closest->no_limit && !e->no_limit) ||
             (!e->no_limit && e->log_e_pass < closest->log_e_pass)))
            closest = e;
    }
    double next = s->k->seg->next_share;
    if (!(next > 0 && next <= 1)) {
        speak(s, VERDICT_CONTINUE, CAUSE_NONE,
              closest->reason); /* harmless, and nothing is asked */
        return true;
    }
    speak(s, next < 1 ? VERDICT_ADVANCE : VERDICT_PROMOTE, CAUSE_NONE, closest->reason);
    s->v->advance_to = next;
    return true;
}

typedef bool rule(struct saying *s);

static rule *const rules[] = {
    rule_person,            /* a person may always */
    rule_latched,           /* said is said */
    rule_unhealthy,         /* crash loops need no statistics */
    rule_harm,              /* */
    rule_no_data,           /* hold or rollback, as the policy says */
    rule_deadline,          /* */
    rule_drift_or_platform, /* from here on nothing passes */
    rule_paused,            /* */
    rule_health,            /* stale, srm, conflicting */
    rule_signal,            /* a signal's objection */
    rule_bake,              /* */
    rule_waiting,           /* */
    rule_undecided,         /* */
    rule_pass,              /* */
};

static bool is_latching(const struct verdict *v)
{
    return v->word == VERDICT_PROMOTE || v->word == VERDICT_ROLLBACK;
}

static void keep(struct latch *l, const struct verdict *v)
{
    *l = (struct latch){.is_set = true,
                        .word = v->word,
                        .cause = v->cause,
                        .segment = v->segment,
                        .share = v->share,
                        .advance_to = v->advance_to};
    memcpy(l->reason, v->reason, sizeof(l->reason));
}

/* The segment that is judged now: the last one opened. */
static const struct segment *current_segment(const struct decision_input *in)
{
    return in->n_segments ? &in->segments[in->n_segments - 1] : NULL;
}

/* Late samples of a step are counted from the first look at it. */
static void note_late(struct look *k)
{
    for (size_t i = 0; k->seg && k->in->late && i < k->d->n_metrics; i++) {
        struct metric_state *m = &k->d->metrics[i];
        if (m->late_segment == k->seg->id)
            continue;
        m->late_segment = k->seg->id;
        m->late_before = k->in->late[i];
    }
}

static void prefix_shadow(struct verdict *v)
{
    static const char *const would[VERDICT_COUNT] = {
        [VERDICT_ADVANCE] = "shadow: would advance: ",
        [VERDICT_PROMOTE] = "shadow: would promote: ",
        [VERDICT_ROLLBACK] = "shadow: would roll back: ",
    };
    char text[REASON_BYTES];
    if (v->mode != MODE_SHADOW || !would[v->word])
        return;
    size_t lead = strlen(would[v->word]), rest = strlen(v->reason);
    if (rest > sizeof(text) - 1 - lead)
        rest = sizeof(text) - 1 - lead;
    memcpy(text, would[v->word], lead);
    memcpy(text + lead, v->reason, rest);
    text[lead + rest] = '\0';
    memcpy(v->reason, text, sizeof(text));
}

void decision_read(struct decision *d, const struct decision_input *in, struct verdict *out,
                   struct arena *a)
{
    struct look k = {.d = d, .in = in, .seg = current_segment(in), .arena = a};
    k.stage = in->phase == PHASE_BAKING || in->phase == PHASE_DONE ? STAGE_BAKING : STAGE_JUDGING;
    if (in->phase == PHASE_DONE && !d->latch[STAGE_BAKING].is_set && !(k.seg && k.seg->is_bake))
        k.stage = STAGE_JUDGING; /* it ended without a bake */
    note_late(&k);

    int64_t fresh = d->spec->policy.lateness_us + FRESH_BLOCKS * d->spec->policy.block_us;
    fresh = fresh > FRESH_US ? fresh : FRESH_US;
    *out = (struct verdict){
        .release = d->spec->name,
        .revision = d->spec->revision,
        .phase = in->phase,
        .mode = d->spec->mode,
        .guarantee = in->guarantee,
        .segment = k.seg ? k.seg->id : 0,
        .share = k.seg ? k.seg->share : NAN,
        .advance_to = NAN,
        .at = in->now,
        .fresh_until = {in->now.us + fresh},
        .last_block = -1,
        .n_metrics = d->n_metrics,
    };
    out->metrics = arena_array(a, d->n_metrics ? d->n_metrics : 1, sizeof(*out->metrics));
    for (size_t i = 0; i < d->n_metrics; i++) {
        evidence_fill(&k, &d->metrics[i], &out->metrics[i]);
        if (d->metrics[i].mark > out->last_block)
            out->last_block = d->metrics[i].mark;
    }
    struct saying s = {.k = &k, .v = out};
    bool is_deciding = in->phase == PHASE_JUDGING || in->phase == PHASE_BAKING;
    if (is_deciding)
        s.health = health_of(&k, out->metrics, &s.unhealthy);
    out->health = s.health;
    if (!is_deciding) {
        if (!rule_latched(&s))
            speak(&s, VERDICT_CONTINUE, CAUSE_NONE, "nothing is judged in this phase");
    } else {
        for (size_t i = 0; i < ARRAY_LEN(rules) && !rules[i](&s); i++)
            continue;
        if (is_latching(out))
            keep(&d->latch[k.stage], out);
    }
    if (!in->states_only)
        prefix_shadow(out);
}
