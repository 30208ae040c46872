#include "judge/report/sections.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/num.h"

#define SMALL_COLUMNS 5 /* of the evidence table */

void html_pill(struct html *h, enum tone tone, const char *word)
{
    char class_name[32];
    snprintf(class_name, sizeof(class_name), "pill %s", tone_name(tone));
    html_open_class(h, "span", class_name);
    html_open_class(h, "span", "mark");
    html_attr(h, "aria-hidden", "true");
    html_text(h, tone_mark(tone));
    html_close(h);
    html_text(h, word);
    html_close(h);
}

void section_open(struct html *h, const char *id, const char *title)
{
    char heading[32];
    snprintf(heading, sizeof(heading), "%s-title", id);
    html_open(h, "section");
    html_attr(h, "id", id);
    html_attr(h, "aria-labelledby", heading);
    html_open(h, "h2");
    html_attr(h, "id", heading);
    html_text(h, title);
    html_close(h);
}

void section_cell(struct html *h, const char *column, const char *text)
{
    html_open(h, "td");
    html_attr(h, "role", "cell");
    html_attr(h, "data-title", column);
    html_text(h, text && *text ? text : "-");
    html_close(h);
}

/* The roles are said although tables have them: narrow pages lay the rows out as blocks, and then
 * browsers forget them. */
void section_table(struct html *h, const char *class_name, const char *const *columns, size_t n)
{
    html_open_class(h, "table", class_name);
    html_attr(h, "role", "table");
    html_open(h, "thead");
    html_attr(h, "role", "rowgroup");
    html_open(h, "tr");
    html_attr(h, "role", "row");
    for (size_t i = 0; i < n; i++) {
        html_open(h, "th");
        html_attr(h, "scope", "col");
        html_attr(h, "role", "columnheader");
        html_text(h, columns[i]);
        html_close(h);
    }
    html_close(h);
    html_close(h);
}

static void term(struct html *h, const char *name, const char *text)
{
    html_open(h, "div");
    html_element(h, "dt", NULL, name);
    html_element(h, "dd", NULL, text);
    html_close(h);
}

/* ---- title and banner ---- */

void section_title(struct html *h, const struct report_facts *f)
{
    const struct report_release *r = &f->release;
    char when[REPORT_TIME_BYTES];
    html_open_class(h, "header", "title");
    html_attr(h, "id", "title");
    html_element(h, "h1", NULL, r->id);
    html_open_class(h, "dl", "facts");
    term(h, "service", r->service);
    if (r->environment && *r->environment)
        term(h, "environment", r->environment);
    if (r->revision && *r->revision)
        term(h, "revision", r->revision);
    term(h, "began", time_words(r->created, when));
    if (r->ended.us)
        term(h, "ended", time_words(r->ended, when));
    if (f->spec && f->spec->mode == MODE_SHADOW)
        term(h, "mode", "shadow: it says what it would do and touches nothing");
    html_close(h);
    html_close(h);
}

void section_banner(struct html *h, const struct report_facts *f)
{
    struct headline head;
    char class_name[32], when[REPORT_TIME_BYTES], at[WALL_TEXT_BYTES];
    const struct verdict *v = f->verdict;
    report_headline(f, &head);
    snprintf(class_name, sizeof(class_name), "banner %s", tone_name(head.tone));
    html_open_class(h, "section", class_name);
    html_attr(h, "id", "banner");
    html_attr(h, "aria-labelledby", "banner-title");
    html_open_class(h, "div", "sign");
    html_attr(h, "aria-hidden", "true");
    html_text(h, tone_mark(head.tone));
    html_close(h);
    html_open_class(h, "div", "says");
    html_open(h, "h2");
    html_attr(h, "id", "banner-title");
    html_text(h, head.word);
    html_close(h);
    html_element(h, "p", "why", head.text);
    html_open_class(h, "p", "fine");
    if (v) {
        html_textf(h, "Verdict %lld: %s%s%s, ", (long long)v->seq, verdict_name(v->word),
                   v->cause == CAUSE_NONE ? "" : ", cause ", cause_name(v->cause));
        html_open(h, "time");
        html_attr(h, "datetime", wall_format(v->at, at));
        html_text(h, time_words(v->at, when));
        html_close(h);
        html_text(h, ". ");
        html_text(h, guarantee_words(v->guarantee));
    } else {
        html_text(h, "The judge has not spoken yet.");
    }
    html_close(h);
    html_close(h);
    html_close(h);
}

/* ---- trust ---- */

static void trust_item(struct html *h, const char *name, enum tone tone, const char *word,
                       const char *text)
{
    html_open(h, "div");
    html_element(h, "dt", NULL, name);
    html_open(h, "dd");
    html_pill(h, tone, word);
    if (text && *text)
        html_element(h, "span", "fine", text);
    html_close(h);
    html_close(h);
}

static void trust_dispersion(struct html *h, const struct verdict *v)
{
    double most = NAN;
    bool is_uncertain = false;
    char number[NUM_TEXT_BYTES];
    for (size_t i = 0; i < v->n_metrics; i++) {
        const struct evidence *e = &v->metrics[i];
        if (e->dispersion > 0 && e->baseline.n > 0 && e->candidate.n > 0)
            most = fmax(most, e->dispersion);
        is_uncertain |= v->metrics[i].dispersion_uncertain;
    }
    if (isnan(most))
        trust_item(h, "Dispersion", TONE_NONE, "not known yet", NULL);
    else if (is_uncertain)
        trust_item(h, "Dispersion", TONE_WARN, num_words(most, number),
                   "Uncertain: longer sums look noisier; the step lasts longer.");
    else
        trust_item(h, "Dispersion", TONE_BUSY, num_words(most, number),
                   "Times the noise of pure chance; tests are divided by it.");
}

static void trust_late(struct html *h, const struct verdict *v)
{
    double baseline = 0, candidate = 0;
    char b[NUM_TEXT_BYTES], c[NUM_TEXT_BYTES], text[128];
    for (size_t i = 0; i < v->n_metrics; i++) {
        baseline += v->metrics[i].late_baseline;
        candidate += v->metrics[i].late_candidate;
    }
    if (!(baseline + candidate > 0)) {
        const bool is_known = v->health != HEALTH_NO_DATA && report_has_samples(v);
        trust_item(h, "Late samples", is_known ? TONE_BUSY : TONE_NONE, "none",
                   is_known ? "Every sample came in time to count." : NULL);
        return;
    }
    snprintf(text, sizeof(text), "baseline %s, candidate %s: counted, not judged",
             num_words_count(baseline, b), num_words_count(candidate, c));
    trust_item(h, "Late samples", v->health == HEALTH_CONFLICTING ? TONE_WARN : TONE_BUSY, "some",
               text);
}

void section_trust(struct html *h, const struct report_facts *f)
{
    const struct verdict *v = f->verdict;
    struct health_report health, split;
    section_open(h, "trust", "Can the data be trusted?");
    html_open_class(h, "dl", "strip");
    report_health(f, &health);
    report_split(f, &split);
    trust_item(h, "Health", health.tone, health.word, health.text);
    trust_item(h, "Split", split.tone, split.word, split.text);
    if (v) {
        trust_dispersion(h, v);
        trust_late(h, v);
    }
    html_close(h);
    html_close(h);
}

/* ---- evidence ---- */

static void cohort_cell(struct html *h, const char *column, const struct evidence *e,
                        const struct cohort_totals *t, const struct spec_metric *m)
{
    struct cohort_words words;
    cohort_words(e, t, m, &words);
    html_open_class(h, "td", "cohort");
    html_attr(h, "role", "cell");
    html_attr(h, "data-title", column);
    html_element(h, "b", NULL, words.value);
    html_text(h, " ");
    html_element(h, "span", "fine", words.of);
    html_close(h);
}

static void metric_fine_print(struct html *h, const struct evidence *e, const struct spec_metric *m)
{
    char margin[MARGIN_WORDS_BYTES], number[NUM_TEXT_BYTES], other[NUM_TEXT_BYTES];
    html_open_class(h, "p", "fine");
    html_textf(h, "A %s. Margin %s", role_words(e->role), margin_words(e, m, margin));
    if (!isnan(e->log_e_fail) && e->alpha > 0)
        html_textf(h, "; evidence of harm %s of %s", num_words(e->log_e_fail, number),
                   num_words(-log(e->alpha), other));
    if (!isnan(e->log_e_pass) && e->beta > 0)
        html_textf(h, "; evidence against it %s of %s (log e)", num_words(e->log_e_pass, number),
                   num_words(-log(e->beta), other));
    if (e->dispersion > 0 && e->baseline.n > 0 && e->candidate.n > 0)
        html_textf(h, "; dispersion %s%s", num_words(e->dispersion, number),
                   e->dispersion_uncertain ? " (uncertain)" : "");
    html_text(h, ".");
    html_close(h);
}

static void metric_rows(struct html *h, const struct report_facts *f, size_t i)
{
    const struct evidence *e = &f->verdict->metrics[i];
    const struct spec_metric *m = report_metric(f, e);
    char effect[EFFECT_WORDS_BYTES], span[8];
    html_open(h, "tbody");
    html_attr(h, "role", "rowgroup");
    html_open(h, "tr");
    html_attr(h, "role", "row");
    html_open(h, "th");
    html_attr(h, "scope", "row");
    html_attr(h, "role", "rowheader");
    html_element(h, "span", "name", e->name);
    html_open_class(h, "span", "fine");
    if (e->kind == METRIC_QUANTILE)
        html_textf(h, "p%g", e->quantile * 100);
    else
        html_text(h, metric_kind_name(e->kind));
    html_textf(h, " \xc2\xb7 %s", metric_role_name(e->role));
    html_close(h);
    html_close(h);
    cohort_cell(h, "Baseline", e, &e->baseline, m);
    cohort_cell(h, "Candidate", e, &e->candidate, m);
    html_open_class(h, "td", "effect");
    html_attr(h, "role", "cell");
    html_attr(h, "data-title", "Effect");
    html_interval(h, e, m, i);
    html_element(h, "span", "figure", effect_words(e, effect));
    html_close(h);
    html_open(h, "td");
    html_attr(h, "role", "cell");
    html_attr(h, "data-title", "State");
    html_pill(h, state_tone(e->state), state_words(e->state));
    html_close(h);
    html_close(h);
    html_open_class(h, "tr", "reason");
    html_attr(h, "role", "row");
    html_open(h, "td");
    html_attr(h, "role", "cell");
    snprintf(span, sizeof(span), "%d", SMALL_COLUMNS);
    html_attr(h, "colspan", span);
    html_element(h, "p", "why", reason_words(e));
    metric_fine_print(h, e, m);
    html_close(h);
    html_close(h);
    html_close(h);
}

void section_evidence(struct html *h, const struct report_facts *f)
{
    static const char *const columns[SMALL_COLUMNS] = {"Metric", "Baseline", "Candidate",
                                                       "Effect, candidate / baseline", "State"};
    section_open(h, "evidence", "Evidence");
    if (!f->verdict || f->verdict->n_metrics == 0) {
        html_open_class(h, "p", "empty");
        html_pill(h, TONE_NONE, "no data");
        html_text(h, " Nothing has been measured yet.");
        html_close(h);
    } else {
        section_table(h, "evidence", columns, ARRAY_LEN(columns));
        for (size_t i = 0; i < f->verdict->n_metrics; i++)
            metric_rows(h, f, i);
        html_close(h);
    }
    html_close(h);
}
