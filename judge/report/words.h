/*
 * The words of reports and pages: one place says what a state means to a reader and how it is
 * shown. A tone is more than its colour: each has a mark and a word beside it.
 */
#ifndef JUDGE_REPORT_WORDS_H
#define JUDGE_REPORT_WORDS_H

#include "judge/report/report.h"

enum tone {
    TONE_NONE, /* nothing is known: hatched, never green */
    TONE_BUSY, /* on its way */
    TONE_GOOD, /* shown to be good */
    TONE_WARN, /* somebody should look */
    TONE_BAD,  /* harm shown, or rolled back */
    TONE_COUNT
};

#define HEADLINE_BYTES 640

struct headline {
    enum tone tone;
    char word[32];             /* "Promoted" */
    char text[HEADLINE_BYTES]; /* one sentence, why */
};

const char *tone_name(enum tone t); /* a class name */
const char *tone_mark(enum tone t); /* one sign */

/* The state of a release at a glance. */
void report_headline(const struct report_facts *f, struct headline *out);

enum tone state_tone(enum evidence_state s);
const char *state_words(enum evidence_state s);
enum tone health_tone(enum health h);
/* What the health says of the data, as a sentence. */
const char *health_words(enum health h);
/* What may be relied on, as a sentence. */
const char *guarantee_words(enum guarantee g);
const char *cause_words(enum cause c); /* "" for none */
const char *role_words(enum metric_role r);
const char *phase_words(enum phase p);
const char *outcome_words(enum outcome o); /* "" for none */

/* The latest verdict is older than it says it may be used. */
bool report_is_stale(const struct report_facts *f);

/* Has any metric samples of both cohorts that count? */
bool report_has_samples(const struct verdict *v);
/* How healthy the data is and how the split stands, as it is shown: without samples neither is
 * good, whatever the verdict says of them. */
struct health_report {
    enum tone tone;
    const char *word, *text;
};
void report_health(const struct report_facts *f, struct health_report *out);
void report_split(const struct report_facts *f, struct health_report *out);

/* "2026-11-23 10:15:00 UTC", "-" for none. */
#define REPORT_TIME_BYTES 40
const char *time_words(struct wall t, char out[REPORT_TIME_BYTES]);
/* "errors: candidate ..." without the metric's name in front, where the name stands beside it. */
const char *reason_words(const struct evidence *e);
/* A cohort's figures: "3.1 %" and "37 of 1,204", "240 ms" and "of 1,204", "no samples" and "".
 * `m` may be NULL. */
struct cohort_words {
    char value[64], of[80];
};
void cohort_words(const struct evidence *e, const struct cohort_totals *t,
                  const struct spec_metric *m, struct cohort_words *out);
/* "x 1.08 (0.71 to 1.62)" or "none yet". */
#define EFFECT_WORDS_BYTES 128
const char *effect_words(const struct evidence *e, char out[EFFECT_WORDS_BYTES]);
/* "50 % and 0.5 points" */
#define MARGIN_WORDS_BYTES 96
const char *margin_words(const struct evidence *e, const struct spec_metric *m,
                         char out[MARGIN_WORDS_BYTES]);
/* The metric of the spec behind a piece of evidence, or NULL. */
const struct spec_metric *report_metric(const struct report_facts *f, const struct evidence *e);

/* The ratio at which harm reaches the margin, for these baseline figures (an absolute margin needs
 * them): above 1 when growth is harm, below when fall is. NAN when it cannot be said. */
double report_limit_ratio(const struct evidence *e, enum harm_direction harm);

/* Paragraphs of the method appendix, each a title and a text; n of them. The texts live in an
 * arena. */
struct paragraph {
    const char *title, *text;
};
struct arena;
const struct paragraph *report_method(const struct report_facts *f, struct arena *a, size_t *n);

#endif
