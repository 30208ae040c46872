/*
 * What plan, simulate and backtest share: the commands that need no service.
 */
#ifndef JUDGE_CTL_TOOLS_H
#define JUDGE_CTL_TOOLS_H

#include "judge/ctl/rows.h"
#include "judge/simulate/assume.h"
#include "judge/simulate/crew.h"
#include "lib/base/buf.h"
#include "lib/base/writer.h"

#define TOOL_TEXT_MAX ((size_t)4 << 20) /* bytes of one answer */
#define TOOL_LEVEL    0.95              /* of the intervals of simulated odds */

#define ROW_LIST(flag, member, value, text)                                                        \
    {                                                                                              \
        .name = flag, .type = OPTION_LIST, .offset = FLAG(member), .dflt = "",                     \
        .value_name = value, .help = text                                                          \
    }
#define ROW_TEXT(flag, member, value, text, standard)                                              \
    {                                                                                              \
        .name = flag, .type = OPTION_STRING, .offset = FLAG(member), .dflt = standard,             \
        .value_name = value, .help = text                                                          \
    }
#define ROW_WHOLE(flag, member, least, most, value, text, standard)                                \
    {                                                                                              \
        .name = flag, .type = OPTION_INT, .offset = FLAG(member), .dflt = standard, .min = least,  \
        .max = most, .value_name = value, .help = text                                             \
    }

/* What is assumed of the traffic, in plan and simulate. */
#define ASSUME_ROWS                                                                                \
    ROW_TEXT("traffic", traffic, "RATE", "requests a second, both versions together", "1000"),     \
        ROW_LIST("baseline", baseline, "METRIC=VALUE",                                             \
                 "what the old version does: errors=1%, retries=0.2, latency=120 (its quantile), " \
                 "latency=lognormal:MEDIAN:LOGSD or exponential:MEAN; may be given again"),        \
        ROW_LIST("truth", truth, "METRIC=xRATIO",                                                  \
                 "what the new version does: errors=x1.5, or errors=3margin; may be given again"), \
        ROW_TEXT("dispersion", dispersion, "PHI",                                                  \
                 "variance of a block's events over that of independent ones", "1"),               \
        ROW_TEXT("noise-rate", noise_rate, "CV2",                                                  \
                 "squared variation of each version's rate from block to block", "0"),             \
        ROW_LIST("ar", ar, "TAU,SD", "a rate that wanders: log-sd SD, over TAU blocks"),           \
        ROW_TEXT("latency-noise", latency_noise, "SD",                                             \
                 "log-sd of all latencies of a block and version", "0"),                           \
        ROW_WHOLE("seed", seed, 0, INT64_MAX, "N", "the same seed gives the same answer", "1"),    \
        ROW_WHOLE("threads", threads, 0, CREW_THREADS_MAX, "N",                                    \
                  "threads; the answer does not depend on it (0: all processors)", "0")

/* Reads a spec file; prints every complaint. 0, or the exit status. */
int tool_read_spec(const char *path, struct spec *spec, struct arena *a);
/* Fills the assumption from the flags; complaints are in err. */
int tool_assume(const struct flags *f, const struct spec *spec, struct assumption *out,
                struct arena *a, struct err *err) WARN_UNUSED;
int tool_threads(const struct flags *f);

/* A number option given as text, within [min, max]. */
int tool_number(const char *option, const char *text, double min, double max, double *out,
                struct err *err) WARN_UNUSED;

/* Progress of a crew on stderr; user is a struct tool_progress. */
struct tool_progress {
    const char *what;
    size_t runs, before, all; /* of this crew, of those before it, of all */
    bool is_shown;
};
bool tool_progress_show(void *user, size_t done);

/* ---- words and pictures ---- */

/* Does the terminal's locale take more than ASCII? */
bool tool_has_utf8(void);
/* "12 %", "0.3 %", "< 0.1 %": at most 7 columns. */
const char *tool_percent(double fraction, char out[32]);
/* "2 min", or "-" for NAN, "never" for INFINITY. */
const char *tool_time(double seconds, char out[WALL_TEXT_BYTES]);
/* "1,234" or "12.3 M", "-" for NAN. */
const char *tool_count(double n, char out[32]);
/* A row of `columns` cells of values in [0, 1], as block characters or ASCII. */
void tool_bars(struct buf *out, const double *values, size_t columns);
/* The truth, a line each: "errors: 1 % (assumed), x1.5"; without a last newline. */
void tool_truth_words(const struct assumption *a, struct buf *out);
/* The same as members of the open object: traffic, noise, truth. */
void tool_truth_json(const struct assumption *a, struct writer *w);
void tool_odds_json(struct writer *w, const char *key, const struct odds *o);
void tool_spread_json(struct writer *w, const char *key, const struct spread *s);

#endif
