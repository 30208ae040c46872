/*
 * Reports: what was judged, what came of it and why, for people who were not there.
 *
 * Pure: facts in, text out; `now` is one of the facts. The room knows neither store nor service:
 * whoever asks gathers the facts. Four forms of the same content in the same order: the verdict,
 * how far the data may be trusted, the evidence of each metric, the steps, the log, and the method
 * in plain words.
 *
 * A rule for all forms: what is not known is said, in words, and never looks like what is good.
 */
#ifndef JUDGE_REPORT_REPORT_H
#define JUDGE_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/node.h"
#include "lib/model/nouns.h"
#include "lib/model/spec.h"
#include "lib/model/verdict.h"

/* Bytes of one report; longer ones fail (buf_ok). */
#define REPORT_BYTES_MAX ((size_t)16 << 20)
/* Entries of the log a report asks for; the newest are kept. */
#define REPORT_LOG_MAX 500

struct report_release {
    const char *id, *service, *environment, *revision, *owner; /* may be NULL */
    enum phase phase;
    enum outcome outcome;
    enum cause cause;
    bool is_paused;
    const char *paused_why;
    struct wall created, ended; /* us == 0: not */
};

struct report_entry { /* of the audit trail */
    struct wall at;
    const char *what, *who, *why, *detail;
};

struct report_facts {
    struct report_release release;
    const struct spec *spec;       /* NULL: cannot be read */
    const struct verdict *verdict; /* NULL: none yet */
    const struct node *progress;   /* the runner's status object; NULL: none */
    const struct segment *segments;
    size_t n_segments;
    bool has_segments; /* false: they could not be asked for */
    const struct report_entry *log;
    size_t n_log;
    bool has_log;
    struct wall now;
};

void report_markdown(const struct report_facts *f, struct buf *out);
/* One row a metric; fields that a spreadsheet would take for a formula are defused by a '. */
void report_csv(const struct report_facts *f, struct buf *out);
void report_json(const struct report_facts *f, struct buf *out);
/* A single file: style inside, no scripts, nothing loaded. */
void report_html(const struct report_facts *f, struct buf *out);

/* The style sheet of the HTML form; pages add theirs. */
extern const char report_css[];
extern const size_t report_css_len;

#endif
