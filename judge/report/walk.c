/*
 * Where the release stands: steps and traffic from the runner's status, the segments it has been
 * through, the log, and the method.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/report/sections.h"
#include "lib/base/num.h"

#define SHARE_SLACK 0.02 /* weights are whole numbers: a share may fall short of its step */

/* ---- progress ---- */

enum step_state { STEP_AHEAD, STEP_NOW, STEP_PASSED, STEP_UNDONE };

struct walk_facts {
    double shares[MODEL_STEPS_MAX];
    size_t n;
    int step; /* in force; -1 before the first */
    double share, observed;
    double reached; /* the largest share that is known of; NAN none */
    const char *weights, *pending, *waiting, *stage;
};

static struct walk_facts walk_of(const struct report_facts *f)
{
    const struct node *p = f->progress, *steps = node_get(p, "steps");
    struct walk_facts w = {
        .step = (int)node_get_number(p, "step", -1),
        .share = node_get_number(p, "share", NAN),
        .observed = node_get_number(p, "observed", NAN),
        .weights = node_get_string(p, "weights"),
        .pending = node_get_string(p, "pending"),
        .waiting = node_get_string(p, "waiting"),
        .stage = node_get_string(p, "stage"),
    };
    if (steps && steps->type == NODE_ARRAY) {
        for (const struct node *s = steps->first; s && w.n < MODEL_STEPS_MAX; s = s->next)
            if (s->type == NODE_NUMBER)
                w.shares[w.n++] = s->number;
    } else if (f->spec) {
        for (size_t i = 0; i < f->spec->n_steps && w.n < MODEL_STEPS_MAX; i++)
            w.shares[w.n++] = f->spec->steps[i].share;
    }
    if (isnan(w.share) && f->verdict && f->release.phase != PHASE_DONE)
        w.share = f->verdict->share;
    w.reached = fmax(w.share, f->verdict ? f->verdict->share : NAN);
    for (size_t i = 0; i < f->n_segments; i++)
        w.reached = fmax(w.reached, f->segments[i].share);
    return w;
}

static enum step_state state_of(const struct report_facts *f, const struct walk_facts *w, size_t i)
{
    const int at = (int)i;
    if (f->release.phase == PHASE_DONE) {
        const bool was_there = at <= w->step || w->shares[i] <= w->reached * (1 + SHARE_SLACK);
        if (f->release.outcome == OUTCOME_PROMOTED)
            return STEP_PASSED;
        if (!was_there)
            return STEP_AHEAD;
        return f->release.outcome == OUTCOME_ROLLED_BACK ? STEP_UNDONE : STEP_PASSED;
    }
    return at < w->step ? STEP_PASSED : at == w->step ? STEP_NOW : STEP_AHEAD;
}

static void draw_steps(struct html *h, const struct report_facts *f, const struct walk_facts *w)
{
    static const struct {
        const char *class_name, *words;
    } states[] = {
        [STEP_AHEAD] = {"ahead", "ahead"},
        [STEP_NOW] = {"now", "now"},
        [STEP_PASSED] = {"passed", "passed"},
        [STEP_UNDONE] = {"undone", "undone"},
    };
    char share[NUM_TEXT_BYTES];
    html_open_class(h, "ol", "steps");
    for (size_t i = 0; i < w->n; i++) {
        const enum step_state state = state_of(f, w, i);
        html_open_class(h, "li", states[state].class_name);
        if (state == STEP_NOW)
            html_attr(h, "aria-current", "step");
        html_element(h, "span", "share", num_words_percent(w->shares[i], share));
        html_element(h, "span", "fine",
                     state == STEP_AHEAD && f->release.phase == PHASE_DONE ? "not reached"
                                                                           : states[state].words);
        html_close(h);
    }
    html_close(h);
}

/* The traffic now: a bar of two parts, with the figures beside it. */
static void draw_traffic(struct html *h, const struct walk_facts *w)
{
    char share[NUM_TEXT_BYTES], rest[NUM_TEXT_BYTES], seen[NUM_TEXT_BYTES];
    if (!(w->share >= 0 && w->share <= 1)) {
        html_open_class(h, "p", "empty");
        html_pill(h, TONE_NONE, "share not known");
        html_text(h, " Nobody has set or reported how the traffic is split.");
        html_close(h);
        return;
    }
    num_words_percent(w->share, share);
    num_words_percent(1 - w->share, rest);
    html_open_class(h, "div", "traffic");
    html_open_class(h, "svg", "split");
    html_attr(h, "viewBox", "0 0 100 8");
    html_attr(h, "preserveAspectRatio", "none");
    html_attr(h, "role", "img");
    html_attr(h, "aria-labelledby", "split-title split-desc");
    html_open(h, "title");
    html_attr(h, "id", "split-title");
    html_text(h, "Traffic");
    html_close(h);
    html_open(h, "desc");
    html_attr(h, "id", "split-desc");
    html_textf(h, "Candidate %s, baseline %s.", share, rest);
    html_close(h);
    html_open_class(h, "rect", "baseline");
    html_attr(h, "width", "100");
    html_attr(h, "height", "8");
    html_close(h);
    html_open_class(h, "rect", "candidate");
    html_attr_number(h, "width", 100 * w->share);
    html_attr(h, "height", "8");
    html_close(h);
    html_close(h);
    html_open_class(h, "p", "split");
    html_open(h, "span");
    html_element(h, "b", NULL, share);
    html_text(h, " candidate");
    html_close(h);
    html_open(h, "span");
    html_element(h, "b", NULL, rest);
    html_text(h, " baseline");
    html_close(h);
    html_close(h);
    if (!isnan(w->observed) || (w->weights && *w->weights)) {
        html_open_class(h, "p", "fine");
        if (!isnan(w->observed))
            html_textf(h, "The platform shows %s%s", num_words_percent(w->observed, seen),
                       w->weights && *w->weights ? ": " : ".");
        html_text(h, w->weights);
        html_close(h);
    }
    html_close(h);
}

void section_progress(struct html *h, const struct report_facts *f)
{
    const struct walk_facts w = walk_of(f);
    section_open(h, "progress", "Progress");
    html_open_class(h, "p", "phase");
    html_open(h, "span");
    html_text(h, "Phase ");
    html_element(h, "b", NULL, phase_name(f->release.phase));
    html_close(h);
    if (f->release.phase != PHASE_DONE)
        html_element(h, "span", "fine", phase_words(f->release.phase));
    else if (f->release.outcome != OUTCOME_NONE)
        html_element(h, "span", "fine", outcome_words(f->release.outcome));
    html_close(h);
    draw_steps(h, f, &w);
    draw_traffic(h, &w);
    if (f->release.phase != PHASE_DONE && w.pending && *w.pending) {
        html_open_class(h, "p", "next");
        html_element(h, "b", NULL, "Under way: ");
        html_text(h, w.pending);
        html_close(h);
    }
    if (f->release.phase != PHASE_DONE && w.waiting && *w.waiting) {
        html_open_class(h, "p", "next");
        html_element(h, "b", NULL, "Waits: ");
        html_text(h, w.waiting);
        html_close(h);
    }
    html_close(h);
}

/* ---- tables ---- */

static void open_table(struct html *h, const char *class_name, const char *const *columns, size_t n)
{
    section_table(h, class_name, columns, n);
    html_open(h, "tbody");
    html_attr(h, "role", "rowgroup");
}

static void close_table(struct html *h)
{
    html_close(h);
    html_close(h);
}

static void nothing(struct html *h, const char *text)
{
    html_element(h, "p", "empty", text);
}

static void segment_row(struct html *h, const struct segment *s)
{
    char text[REPORT_TIME_BYTES], share[NUM_TEXT_BYTES], lasted[WALL_TEXT_BYTES], number[16];
    html_open(h, "tr");
    html_attr(h, "role", "row");
    snprintf(number, sizeof(number), "%d", s->id);
    section_cell(h, "Segment", number);
    section_cell(h, "Candidate",
                 isnan(s->share) ? "as observed" : num_words_percent(s->share, share));
    section_cell(h, "Asked",
                 s->is_bake             ? "bake, against before"
                 : isnan(s->next_share) ? "nothing"
                                        : num_words_percent(s->next_share, share));
    section_cell(h, "Opened", time_words(s->opened, text));
    section_cell(h, "Closed", s->closed.us ? time_words(s->closed, text) : "open");
    section_cell(h, "Lasted",
                 s->closed.us ? duration_words((double)(s->closed.us - s->opened.us) / 1e6, lasted)
                              : "-");
    html_close(h);
}

void section_timeline(struct html *h, const struct report_facts *f)
{
    static const char *const columns[] = {"Segment", "Candidate", "Asked",
                                          "Opened",  "Closed",    "Lasted"};
    section_open(h, "timeline", "Steps taken");
    if (!f->has_segments) {
        nothing(h, "The steps taken cannot be read at the moment.");
    } else if (f->n_segments == 0) {
        nothing(h, "No traffic has been shifted yet.");
    } else {
        open_table(h, "rows", columns, ARRAY_LEN(columns));
        for (size_t i = 0; i < f->n_segments; i++)
            segment_row(h, &f->segments[i]);
        close_table(h);
    }
    html_close(h);
}

void section_log(struct html *h, const struct report_facts *f)
{
    static const char *const columns[] = {"Time", "What", "Who", "Why"};
    char when[REPORT_TIME_BYTES];
    section_open(h, "log", "Decision log");
    if (!f->has_log) {
        nothing(h, "The log cannot be read at the moment.");
    } else if (f->n_log == 0) {
        nothing(h, "Nothing has been done yet.");
    } else {
        open_table(h, "rows log", columns, ARRAY_LEN(columns));
        for (size_t i = 0; i < f->n_log; i++) {
            const struct report_entry *e = &f->log[i];
            html_open(h, "tr");
            html_attr(h, "role", "row");
            section_cell(h, "Time", time_words(e->at, when));
            section_cell(h, "What", e->what);
            section_cell(h, "Who", e->who);
            html_open(h, "td");
            html_attr(h, "role", "cell");
            html_attr(h, "data-title", "Why");
            html_text(h, e->why && *e->why ? e->why : "-");
            if (e->detail && *e->detail)
                html_element(h, "code", "detail", e->detail);
            html_close(h);
            html_close(h);
        }
        close_table(h);
    }
    html_close(h);
}

void section_method(struct html *h, const struct report_facts *f)
{
    struct arena a;
    size_t n;
    arena_init(&a);
    const struct paragraph *p = report_method(f, &a, &n);
    section_open(h, "method", "Method");
    for (size_t i = 0; i < n; i++) {
        html_element(h, "h3", NULL, p[i].title);
        html_element(h, "p", NULL, p[i].text);
    }
    html_close(h);
    arena_release(&a);
}
