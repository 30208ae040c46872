/*
 * The method appendix: what was promised, in the figures of this release.
 */
#include <math.h>

#include "judge/report/words.h"
#include "lib/base/num.h"

#define PARAGRAPHS_MAX 8
#define MARGINS_BYTES  (1024 * MODEL_METRICS_MAX)

static const char *error_rates(const struct spec *spec, struct arena *a)
{
    char alpha[NUM_TEXT_BYTES], beta[NUM_TEXT_BYTES];
    return arena_printf(
        a,
        "A rollback for shown harm although the effect is within the tolerance has a probability "
        "of at most alpha = %s over the whole release, all metrics together; a promotion of harm "
        "beyond the margin at most beta = %s. Both hold however often anyone looks.",
        num_words_percent(spec->policy.alpha, alpha), num_words_percent(spec->policy.beta, beta));
}

static const char *margins(const struct spec *spec, struct arena *a)
{
    struct buf text;
    char number[NUM_TEXT_BYTES];
    static const char *const harm_of[METRIC_KIND_COUNT] = {
        [METRIC_PROPORTION] = "of the baseline's rate", [METRIC_RATE] = "of the baseline's rate",
        [METRIC_QUANTILE] = "of the quantile",          [METRIC_MEAN] = "of the mean",
        [METRIC_RATIO] = "of the baseline's ratio",     [METRIC_SERIES] = "of the mean point",
    };
    buf_init(&text, MARGINS_BYTES);
    for (size_t i = 0; i < spec->n_metrics; i++) {
        const struct spec_metric *m = &spec->metrics[i];
        const struct evidence e = {.kind = m->kind, .margin = m->margin};
        char words[MARGIN_WORDS_BYTES];
        buf_addf(&text, "%s%s: ", i ? " " : "", m->name);
        if (m->role == ROLE_INFO) {
            buf_add_str(&text, "shown for information, it decides nothing.");
            continue;
        }
        if (m->kind == METRIC_ALARM) {
            buf_add_str(&text, "harm by decree when it is in ALARM, whatever alpha is; it proves "
                               "nothing.");
            continue;
        }
        buf_addf(&text, "%s by %s %s counts as harm",
                 m->harm == HARM_DECREASE ? "a fall" : "a rise", margin_words(&e, m, words),
                 harm_of[m->kind]);
        if (m->kind == METRIC_MEAN && m->cap > 0)
            buf_addf(&text, " (values beyond %s count as that)", num_words(m->cap, number));
        if (!isnan(m->margin.relative) && !isnan(m->margin.absolute))
            buf_add_str(&text, " (both must be exceeded)");
        buf_addf(&text, "; its part of alpha is %s.",
                 num_words_percent(spec->policy.alpha * m->weight, number));
    }
    const char *copy = arena_copy(a, text.data, text.len);
    buf_release(&text);
    return copy;
}

static const char *intervals(const struct spec *spec, struct arena *a)
{
    char beta[NUM_TEXT_BYTES];
    return arena_printf(a,
                        "An interval covers the true effect at every look with the error rate of "
                        "its metric's part of alpha. That is stricter than beta = %s, at which "
                        "harm is ruled out: a metric may be harmless while its interval still "
                        "reaches past the margin.",
                        num_words_percent(spec->policy.beta, beta));
}

static const char *exposure(const struct spec *spec, struct arena *a)
{
    char first[NUM_TEXT_BYTES];
    if (spec->n_steps == 0)
        return "The release has no steps.";
    return arena_printf(
        a,
        "The first share, %s, is entered on trust: its harm is bounded by the share itself and by "
        "how fast harm is shown. From then on a step to share s is allowed once an excess of the "
        "margin divided by s is ruled out on the evidence of the current step alone: before 50 %% "
        "twice the margin, before 100 %% the margin itself. So the expected harm of all users "
        "stays below the margin. Steps end by evidence, not by the clock; each has at least %lld "
        "blocks.",
        num_words_percent(spec->steps[0].share, first), (long long)spec->policy.min_blocks);
}

static const char *blocks(const struct spec *spec, struct arena *a)
{
    char block[WALL_TEXT_BYTES], settle[WALL_TEXT_BYTES], late[WALL_TEXT_BYTES];
    return arena_printf(
        a,
        "Samples are summed in blocks of %s of wall time, for both versions alike. A block is "
        "final %s after its end and never changes; what comes later is counted as late and never "
        "judged. After each shift of traffic the first %s do not count. Each test is divided by "
        "the dispersion of the blocks, so noisy traffic takes longer instead of raising false "
        "alarms.",
        duration_format(spec->policy.block_us, block),
        duration_format(spec->policy.lateness_us, late), duration_format(spec->settle_us, settle));
}

static const char *bake(const struct spec *spec, struct arena *a)
{
    char text[WALL_TEXT_BYTES];
    return arena_printf(a,
                        "After 100 %% the old version is kept for %s and the new one is compared "
                        "with the time before. That comparison is not concurrent: it can roll "
                        "back, it proves nothing.",
                        duration_format(spec->bake_us, text));
}

const struct paragraph *report_method(const struct report_facts *f, struct arena *a, size_t *n)
{
    struct paragraph *p = arena_array(a, PARAGRAPHS_MAX, sizeof(*p));
    const struct spec *spec = f->spec;
    *n = 0;
    if (!spec) {
        p[(*n)++] = (struct paragraph){"Method", "The release's spec cannot be read here, so its "
                                                 "error rates and margins cannot be shown."};
        return p;
    }
    p[(*n)++] = (struct paragraph){"Error rates", error_rates(spec, a)};
    p[(*n)++] = (struct paragraph){"Margins", margins(spec, a)};
    p[(*n)++] = (struct paragraph){"Intervals", intervals(spec, a)};
    p[(*n)++] = (struct paragraph){"Exposure rule", exposure(spec, a)};
    p[(*n)++] = (struct paragraph){"Blocks", blocks(spec, a)};
    if (spec->bake_us)
        p[(*n)++] = (struct paragraph){"Bake", bake(spec, a)};
    p[(*n)++] = (struct paragraph){"Guarantee", f->verdict ? guarantee_words(f->verdict->guarantee)
                                                           : "No verdict has been given."};
    return p;
}
