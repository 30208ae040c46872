#include "stats/kayenta/gate.h"

#include <math.h>

#include "stats/kayenta/decimal.h"

const char *gate_judge_word(double score, const struct score_thresholds *t)
{
    return score >= t->pass ? "Pass" : score >= t->marginal ? "Marginal" : "Fail";
}

bool gate_fails_fast(double score, const struct score_thresholds *t)
{
    return score <= t->marginal;
}

bool gate_passes(double score, const struct score_thresholds *t)
{
    return !gate_fails_fast(score, t) && (isnan(t->pass) || score >= t->pass);
}

void gate_message(double score, const struct score_thresholds *t, struct buf *out)
{
    char text[DECIMAL_TEXT_BYTES];
    if (isnan(t->pass) && isnan(t->marginal)) {
        buf_add_str(out, "No score thresholds were specified.");
        return;
    }
    if (!gate_fails_fast(score, t) && isnan(t->pass)) {
        buf_add_str(out, "No pass score threshold was specified.");
        return;
    }
    buf_addf(out, "Final canary score %s %s", decimal_java_text(score, text),
             gate_fails_fast(score, t) ? "is not above the marginal score threshold."
             : score < t->pass         ? "is below the pass score threshold."
                                       : "met or exceeded the pass score threshold.");
}

const char *gate_status(double score, const struct score_thresholds *t)
{
    return gate_passes(score, t) ? "SUCCEEDED" : "TERMINAL";
}

const char *gate_argo_phase(double score, const struct score_thresholds *t)
{
    const double whole = trunc(score);
    return whole >= t->pass ? "Successful" : whole >= t->marginal ? "Inconclusive" : "Failed";
}
