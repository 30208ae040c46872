/*
 * The parts of a release's page, in HTML: the report stacks them, the live page shows the same and
 * puts fresh ones in their place. Each is one element with an id.
 */
#ifndef JUDGE_REPORT_SECTIONS_H
#define JUDGE_REPORT_SECTIONS_H

#include "judge/report/html.h"
#include "judge/report/words.h"

void section_title(struct html *h, const struct report_facts *f);    /* #title */
void section_banner(struct html *h, const struct report_facts *f);   /* #banner */
void section_progress(struct html *h, const struct report_facts *f); /* #progress */
void section_trust(struct html *h, const struct report_facts *f);    /* #trust */
void section_evidence(struct html *h, const struct report_facts *f); /* #evidence */
void section_timeline(struct html *h, const struct report_facts *f); /* #timeline */
void section_log(struct html *h, const struct report_facts *f);      /* #log */
void section_method(struct html *h, const struct report_facts *f);   /* #method */

/* For the parts themselves: <section id> with its heading; a table cell that names its column where
 * there is no room for a head; a table up to its first row, and its end. */
void section_open(struct html *h, const char *id, const char *title);
void section_cell(struct html *h, const char *column, const char *text);
void section_table(struct html *h, const char *class_name, const char *const *columns, size_t n);
/* A word with its mark in the colour of the tone. */
void html_pill(struct html *h, enum tone tone, const char *word);
/* The interval of a metric drawn on a ratio axis: "same" and the margin are marked; n makes its ids
 * unique on the page. `m` may be NULL. */
void html_interval(struct html *h, const struct evidence *e, const struct spec_metric *m, size_t n);

#endif
