/*
 * The report as Markdown, for a pull request or a chat. Texts of others are escaped: they cannot
 * open a link, a table cell or a heading.
 */
#include <math.h>
#include <string.h>

#include "judge/report/words.h"
#include "lib/base/num.h"

static void add(struct buf *out, const char *text)
{
    for (const char *s = text ? text : ""; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '\n' || c == '\r' || c == '\t')
            buf_add_char(out, ' ');
        else if (c < 0x20 || c == 0x7f)
            buf_add_str(out, "\xef\xbf\xbd");
        else if (c == '<')
            buf_add_str(out, "&lt;");
        else if (c == '&')
            buf_add_str(out, "&amp;");
        else {
            if (strchr("\\`*_[]|#>~!", c))
                buf_add_char(out, '\\');
            buf_add_char(out, *s);
        }
    }
}

static void item(struct buf *out, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    buf_addf(out, "- %s: ", name);
    add(out, text);
    buf_add_char(out, '\n');
}

static void cells(struct buf *out, const char *const *texts, size_t n)
{
    buf_add_char(out, '|');
    for (size_t i = 0; i < n; i++) {
        buf_add_char(out, ' ');
        add(out, texts[i] && *texts[i] ? texts[i] : "-");
        buf_add_str(out, " |");
    }
    buf_add_char(out, '\n');
}

static void write_head(struct buf *out, const struct report_facts *f)
{
    const struct report_release *r = &f->release;
    struct headline head;
    char when[REPORT_TIME_BYTES];
    report_headline(f, &head);
    buf_add_str(out, "# ");
    add(out, r->id);
    buf_addf(out, "\n\n**%s** ", head.word);
    add(out, head.text);
    buf_add_str(out, "\n\n");
    item(out, "service", r->service);
    item(out, "environment", r->environment);
    item(out, "revision", r->revision);
    item(out, "phase", phase_name(r->phase));
    item(out, "outcome", outcome_words(r->outcome));
    item(out, "cause", cause_words(r->cause));
    item(out, "began", time_words(r->created, when));
    if (r->ended.us)
        item(out, "ended", time_words(r->ended, when));
    if (f->verdict) {
        item(out, "verdict", verdict_name(f->verdict->word));
        item(out, "reason", f->verdict->reason);
        item(out, "guarantee", guarantee_words(f->verdict->guarantee));
    }
}

static void write_trust(struct buf *out, const struct report_facts *f)
{
    const struct verdict *v = f->verdict;
    double most = NAN, late = 0;
    bool is_uncertain = false;
    char number[NUM_TEXT_BYTES], when[REPORT_TIME_BYTES];
    struct health_report health, split;
    buf_add_str(out, "\n## Can the data be trusted?\n\n");
    if (!v) {
        buf_add_str(out, "Not known: no verdict has been given yet.\n");
        return;
    }
    for (size_t i = 0; i < v->n_metrics; i++) {
        const struct evidence *e = &v->metrics[i];
        if (e->dispersion > 0 && e->baseline.n > 0 && e->candidate.n > 0)
            most = fmax(most, e->dispersion);
        is_uncertain |= e->dispersion_uncertain;
        late += e->late_baseline + e->late_candidate;
    }
    report_health(f, &health);
    report_split(f, &split);
    buf_addf(out, "- health: %s. %s\n", health.word, health.text);
    buf_addf(out, "- split: %s%s", split.word, *split.text ? ". " : "");
    add(out, split.text);
    buf_add_char(out, '\n');
    buf_addf(out, "- dispersion: %s%s\n", isnan(most) ? "not known yet" : num_words(most, number),
             is_uncertain ? " (uncertain)" : "");
    buf_addf(out, "- late samples: %s\n", num_words_count(late, number));
    buf_addf(out, "- last verdict: %s\n", time_words(v->at, when));
}

static const char *cohort(const struct evidence *e, const struct cohort_totals *t,
                          const struct spec_metric *m, struct arena *a)
{
    struct cohort_words words;
    cohort_words(e, t, m, &words);
    return *words.of ? arena_printf(a, "%s (%s)", words.value, words.of)
                     : arena_strdup(a, words.value);
}

static void write_evidence(struct buf *out, const struct report_facts *f, struct arena *a)
{
    static const char *const columns[] = {"metric", "role",   "baseline", "candidate",
                                          "effect", "margin", "state"};
    buf_add_str(out, "\n## Evidence\n\n");
    if (!f->verdict || f->verdict->n_metrics == 0) {
        buf_add_str(out, "No data: nothing has been measured yet.\n");
        return;
    }
    cells(out, columns, ARRAY_LEN(columns));
    buf_add_str(out, "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < f->verdict->n_metrics; i++) {
        const struct evidence *e = &f->verdict->metrics[i];
        const struct spec_metric *m = report_metric(f, e);
        char effect[EFFECT_WORDS_BYTES], margin[MARGIN_WORDS_BYTES];
        const char *const row[] = {e->name,
                                   metric_role_name(e->role),
                                   cohort(e, &e->baseline, m, a),
                                   cohort(e, &e->candidate, m, a),
                                   effect_words(e, effect),
                                   margin_words(e, m, margin),
                                   state_words(e->state)};
        cells(out, row, ARRAY_LEN(row));
    }
    buf_add_char(out, '\n');
    for (size_t i = 0; i < f->verdict->n_metrics; i++) {
        const struct evidence *e = &f->verdict->metrics[i];
        buf_add_str(out, "- **");
        add(out, e->name);
        buf_add_str(out, "** ");
        add(out, reason_words(e));
        buf_add_char(out, '\n');
    }
}

static void write_steps(struct buf *out, const struct report_facts *f)
{
    static const char *const columns[] = {"segment", "candidate", "asked", "opened", "closed"};
    buf_add_str(out, "\n## Steps taken\n\n");
    if (!f->has_segments || f->n_segments == 0) {
        buf_add_str(out, f->has_segments ? "No traffic has been shifted.\n"
                                         : "The steps taken cannot be read at the moment.\n");
        return;
    }
    cells(out, columns, ARRAY_LEN(columns));
    buf_add_str(out, "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < f->n_segments; i++) {
        const struct segment *s = &f->segments[i];
        char share[NUM_TEXT_BYTES], asked[NUM_TEXT_BYTES], id[NUM_TEXT_BYTES];
        char opened[REPORT_TIME_BYTES], closed[REPORT_TIME_BYTES];
        const char *const row[] = {
            num_words_count(s->id, id),
            isnan(s->share) ? "as observed" : num_words_percent(s->share, share),
            s->is_bake             ? "bake, against before"
            : isnan(s->next_share) ? "nothing"
                                   : num_words_percent(s->next_share, asked),
            time_words(s->opened, opened),
            s->closed.us ? time_words(s->closed, closed) : "open",
        };
        cells(out, row, ARRAY_LEN(row));
    }
}

static void write_log(struct buf *out, const struct report_facts *f)
{
    char when[REPORT_TIME_BYTES];
    buf_add_str(out, "\n## Decision log\n\n");
    if (!f->has_log)
        buf_add_str(out, "The log cannot be read at the moment.\n");
    else if (f->n_log == 0)
        buf_add_str(out, "Nothing has been done yet.\n");
    for (size_t i = 0; f->has_log && i < f->n_log; i++) {
        const struct report_entry *e = &f->log[i];
        buf_addf(out, "- %s **", time_words(e->at, when));
        add(out, e->what);
        buf_add_str(out, "** by ");
        add(out, e->who);
        if (e->why && *e->why) {
            buf_add_str(out, ": ");
            add(out, e->why);
        }
        buf_add_char(out, '\n');
    }
}

void report_markdown(const struct report_facts *f, struct buf *out)
{
    struct arena a;
    size_t n;
    arena_init(&a);
    const struct paragraph *p = report_method(f, &a, &n);
    write_head(out, f);
    write_trust(out, f);
    write_evidence(out, f, &a);
    write_steps(out, f);
    write_log(out, f);
    buf_add_str(out, "\n## Method\n");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "\n**%s.** ", p[i].title);
        add(out, p[i].text);
        buf_add_char(out, '\n');
    }
    arena_release(&a);
}
