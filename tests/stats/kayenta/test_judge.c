/* Scores, gates and the judge around them. */
#include "stats/kayenta/judge.h"

#include "tests/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const char *const a_only[] = {"a"}, *const b_only[] = {"b"}, *const a_and_b[] = {"a", "b"};

static struct score_metric one(enum aca_label label, const char *const *groups, size_t n)
{
    return (struct score_metric){.label = label, .groups = groups, .n_groups = n};
}

static void groups_and_weights(void)
{
    const struct score_metric metrics[] = {
        one(ACA_PASS, b_only, 1),        one(ACA_HIGH, a_and_b, 2),  one(ACA_PASS, a_only, 1),
        one(ACA_NODATA_FAIL, a_only, 1), one(ACA_NODATA, a_only, 1), one(ACA_ERROR, a_only, 1),
        one(ACA_LOW, NULL, 0),
    };
    static const struct {
        int line;
        struct score_weight weights[2];
        size_t n;
        double summary;
    } rows[] = {
        /* a: 1 of 3, b: 1 of 2 */
        {__LINE__, {{NULL, 0}}, 0, 41.67},
        {__LINE__, {{"a", 25}, {"b", 75}}, 2, 45.83},
        {__LINE__, {{"b", 80}}, 1, 46.67},
        {__LINE__, {{"b", 80}, {"a", 80}}, 2, 66.67},
        {__LINE__, {{"a", 30}, {"ghost", 60}}, 2, 15},
        {__LINE__, {{"ghost", 100}}, 1, 0},
        {__LINE__, {{"ghost", 150}}, 1, -20.83},
    };
    struct score_group g[8];
    for (size_t i = 0; i < N(rows); i++) {
        const struct score s = score_metrics(metrics, N(metrics), rows[i].weights, rows[i].n, g);
        if (s.summary != rows[i].summary)
            t_fail(__FILE__, rows[i].line, "summary is %.17g", s.summary);
        T_CHECK(s.cause == SCORE_SUM && s.n_groups == 2);
        T_CHECK(strcmp(g[0].name, "a") == 0 && strcmp(g[1].name, "b") == 0);
        T_CHECK(g[0].passed == 1 && g[0].counted == 3 && g[1].score == 50);
    }
}

static void what_sets_zero(void)
{
    struct score_metric m[] = {one(ACA_NODATA, a_only, 1), one(ACA_PASS, a_only, 1),
                               one(ACA_PASS, b_only, 1)};
    struct score_group g[8];
    struct score s = score_metrics(m, 3, NULL, 0, g);
    T_CHECK(s.cause == SCORE_SUM && s.summary == 100);
    s = score_metrics(m, 2, NULL, 0, g); /* one of two */
    T_CHECK(s.cause == SCORE_NODATA && s.summary == 0 && g[0].score == 100);
    m[0].critical = true;
    m[1].critical = true; /* Pass: does not matter */
    s = score_metrics(m, 2, NULL, 0, g);
    T_CHECK(s.cause == SCORE_CRITICAL && s.critical == 0 && s.summary == 0);
    m[0] = one(ACA_PASS, a_only, 1);
    m[2].label = ACA_LOW;
    m[2].critical = true;
    s = score_metrics(m, 3, NULL, 0, g);
    T_CHECK(s.cause == SCORE_CRITICAL && s.critical == 2 && g[0].score == 100);
    s = score_metrics(NULL, 0, NULL, 0, g);
    T_CHECK(s.cause == SCORE_SUM && s.summary == 0 && s.n_groups == 0);
}

/* Errors alone, or nothing at all that counts: the group shows 0 and weighs as 100. */
static void errors_pass(void)
{
    const struct score_metric m = one(ACA_ERROR, a_only, 1);
    struct score_group g[1];
    const struct score s = score_metrics(&m, 1, NULL, 0, g);
    T_CHECK(s.summary == 100 && g[0].no_data && g[0].score == 0);
}

static void gates(void)
{
    static const struct {
        int line;
        double score, pass, marginal;
        const char *word, *argo;
        bool passes, fails_fast;
        const char *message;
    } rows[] = {
        {__LINE__, 100, 75, 50, "Pass", "Successful", true, false,
         "Final canary score 100.0 met or exceeded the pass score threshold."},
        {__LINE__, 75, 75, 50, "Pass", "Successful", true, false,
         "Final canary score 75.0 met or exceeded the pass score threshold."},
        {__LINE__, 74.99, 75, 50, "Marginal", "Inconclusive", false, false,
         "Final canary score 74.99 is below the pass score threshold."},
        {__LINE__, 50.99, 75, 50.5, "Marginal", "Failed", false, false,
         "Final canary score 50.99 is below the pass score threshold."},
        {__LINE__, 50, 75, 50, "Marginal", "Inconclusive", false, true,
         "Final canary score 50.0 is not above the marginal score threshold."},
        {__LINE__, 49.99, 75, 50, "Fail", "Failed", false, true,
         "Final canary score 49.99 is not above the marginal score threshold."},
        {__LINE__, 66.67, NAN, 50, "Marginal", "Inconclusive", true, false,
         "No pass score threshold was specified."},
        {__LINE__, 50, NAN, 50, "Marginal", "Inconclusive", false, true,
         "Final canary score 50.0 is not above the marginal score threshold."},
        {__LINE__, 0, NAN, NAN, "Fail", "Failed", true, false,
         "No score thresholds were specified."},
        {__LINE__, 60, 75, NAN, "Fail", "Failed", false, false,
         "Final canary score 60.0 is below the pass score threshold."},
    };
    struct buf message;
    buf_init(&message, 200);
    for (size_t i = 0; i < N(rows); i++) {
        const struct score_thresholds t = {rows[i].pass, rows[i].marginal};
        buf_clear(&message);
        gate_message(rows[i].score, &t, &message);
        if (strcmp(gate_judge_word(rows[i].score, &t), rows[i].word) != 0 ||
            strcmp(gate_argo_phase(rows[i].score, &t), rows[i].argo) != 0 ||
            gate_passes(rows[i].score, &t) != rows[i].passes ||
            gate_fails_fast(rows[i].score, &t) != rows[i].fails_fast ||
            strcmp(message.data, rows[i].message) != 0)
            t_fail(__FILE__, rows[i].line, "%s, %s, %s", gate_judge_word(rows[i].score, &t),
                   gate_argo_phase(rows[i].score, &t), message.data);
        T_EQ_STR(gate_status(rows[i].score, &t), rows[i].passes ? "SUCCEEDED" : "TERMINAL");
    }
    buf_release(&message);
}

static const double low[] = {1, 2, 3, 4, 5}, high[] = {11, 12, 13, 14, 15};

static struct metric_pair pair(const char *name, const double *e, size_t m)
{
    return (struct metric_pair){
        .name = name, .experiment = e, .n_experiment = m, .control = low, .n_control = 5};
}

static void whole(void)
{
    struct aca_metric metrics[] = {
        {.name = "bad", .groups = a_only, .n_groups = 1},
        {.name = "good", .groups = b_only, .n_groups = 1},
    };
    const struct aca_config config = {.metrics = metrics, .n_metrics = 2};
    const struct metric_pair pairs[] = {pair("good", low, 5), pair("bad", high, 5)};
    const struct score_thresholds t = {75, 50};
    struct aca_judgement j;
    struct arena arena;
    struct buf text;
    struct err err = {0};
    arena_init(&arena);
    buf_init(&text, 500);
    for (int i = 0; i < 2; i++)
        metrics[i].options = aca_options_default(ACA_MEAN_RATIO);
    T_OK(aca_judge(&config, &t, pairs, 2, &arena, &j, &err), err);
    T_CHECK(j.n_results == 2 && j.results[0].verdict.label == ACA_PASS &&
            j.results[1].verdict.label == ACA_HIGH && j.results[1].metric == &metrics[0]);
    T_CHECK(j.score.summary == 50);
    T_EQ_STR(j.word, "Marginal");
    aca_score_reason(&j, &text);
    T_EQ_STR(text.data, "");

    metrics[0].options.critical = true;
    T_OK(aca_judge(&config, &t, pairs, 2, &arena, &j, &err), err);
    T_CHECK(j.score.summary == 0 && j.score.critical == 1);
    aca_score_reason(&j, &text);
    T_EQ_STR(text.data, "Canary Failed: The metric bad was classified as High (Critical)");

    metrics[0].options.muted = true; /* judged, shown, not scored */
    T_OK(aca_judge(&config, &t, pairs, 2, &arena, &j, &err), err);
    T_CHECK(j.score.summary == 100 && j.score.n_groups == 1 && j.results[1].verdict.critical);

    metrics[1].options.critical = true; /* an index into all results, muted ones counted */
    const struct metric_pair empty[] = {pair("bad", high, 5), pair("good", low, 0)};
    T_OK(aca_judge(&config, &t, empty, 2, &arena, &j, &err), err);
    T_CHECK(j.score.cause == SCORE_CRITICAL && j.score.critical == 1);
    buf_clear(&text);
    aca_score_reason(&j, &text);
    T_EQ_STR(text.data, "Canary Failed: Missing data for good");

    metrics[1].options.critical = false;
    T_OK(aca_judge(&config, &t, empty, 2, &arena, &j, &err), err);
    buf_clear(&text);
    aca_score_reason(&j, &text);
    T_EQ_STR(text.data, "Canary Failed: 50% or more metrics returned NODATA");

    const struct metric_pair other = pair("other", low, 5);
    T_CHECK(aca_judge(&config, &t, &other, 1, &arena, &j, &err) != 0);
    T_EQ_STR(err.message, "Could not find metric config for other");
    buf_release(&text);
    arena_release(&arena);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"groups_and_weights", groups_and_weights},
        {"what_sets_zero", what_sets_zero},
        {"errors_pass", errors_pass},
        {"gates", gates},
        {"whole", whole},
    };
    return t_main(argc, argv, tests, N(tests));
}
