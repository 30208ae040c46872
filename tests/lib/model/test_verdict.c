#include "lib/model/verdict.h"

#include <math.h>

#include "tests/t.h"

#define JSON_MAX 65536

/* The verdict of the contract, as it stands there, with our own members after the contract's. */
static const char contract[] =
    "{\"release\":\"checkout-2026-11-23-1\",\"revision\":\"4f2c9d1\",\"seq\":41,"
    "\"phase\":\"judging\",\"verdict\":\"continue\",\"cause\":null,\"health\":\"ok\","
    "\"guarantee\":\"proven\",\"segment\":2,\"share\":0.05,\"advance_to\":null,"
    "\"at\":\"2026-11-23T10:15:00Z\",\"fresh_until\":\"2026-11-23T10:15:30Z\","
    "\"reason\":\"errors: undecided, about 6 min left at this traffic\","
    "\"metrics\":[{\"name\":\"errors\",\"kind\":\"proportion\",\"role\":\"guardrail\","
    "\"state\":\"undecided\",\"test\":\"rate ratio, anytime\","
    "\"effect\":{\"scale\":\"ratio\",\"estimate\":1.08,\"lower\":0.71,\"upper\":1.62},"
    "\"tolerance\":0,\"margin\":{\"relative\":0.5,\"absolute\":0.005},"
    "\"log_e_fail\":-0.4,\"log_e_pass\":0.9,\"alpha\":0.01,\"beta\":0.05,\"dispersion\":1.2,"
    "\"baseline\":{\"n\":22880,\"events\":229},\"candidate\":{\"n\":1204,\"events\":13},"
    "\"eta_s\":360,\"reason\":\"...\","
    "\"dispersion_uncertain\":false,\"no_limit\":false,\"late\":{\"baseline\":0,\"candidate\":3}}],"
    "\"outcome\":null,\"mode\":\"enforce\",\"last_block\":1795428899}";

static bool read_text(struct verdict *v, const char *json, struct arena *a, struct err *err)
{
    struct node *n = node_read_json(a, json, strlen(json), err);
    return n && verdict_from_json(v, n, a, err) == 0;
}

static void contract_reads_and_writes(void)
{
    struct arena a;
    struct verdict v;
    struct err err = {0};
    struct buf out;
    arena_init(&a);
    buf_init(&out, JSON_MAX);
    if (!read_text(&v, contract, &a, &err))
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_EQ_STR(v.release, "checkout-2026-11-23-1");
    T_EQ_INT(v.seq, 41);
    T_EQ_INT(v.cause, CAUSE_NONE);
    T_EQ_INT(v.outcome, OUTCOME_NONE);
    T_NEAR(v.share, 0.05, 0, 0);
    T_CHECK(isnan(v.advance_to));
    T_EQ_INT(v.n_metrics, 1);
    T_EQ_INT(v.metrics[0].state, STATE_UNDECIDED);
    T_NEAR(v.metrics[0].upper, 1.62, 0, 0);
    T_CHECK(isnan(v.metrics[0].tolerance.absolute));
    T_CHECK(isnan(v.metrics[0].quantile));
    T_NEAR(v.metrics[0].late_candidate, 3, 0, 0);
    verdict_to_json(&v, &out);
    T_CHECK(buf_ok(&out));
    T_EQ_STR(out.data, contract);
    buf_release(&out);
    arena_release(&a);
}

/* Nothing known yet: every number that is not there is null and comes back as not there. */
static void empty_verdict_reads_back(void)
{
    struct arena a;
    struct verdict v = {
        .release = "r",
        .phase = PHASE_DONE,
        .outcome = OUTCOME_ROLLED_BACK,
        .mode = MODE_SHADOW,
        .word = VERDICT_ROLLBACK,
        .cause = CAUSE_HARM,
        .share = NAN,
        .advance_to = NAN,
        .last_block = -1,
        .reason = "line\n\"quoted\"",
    };
    struct evidence e = {
        .name = "p95",
        .kind = METRIC_QUANTILE,
        .quantile = 0.95,
        .estimate = 1.5,
        .lower = 1.1,
        .upper = INFINITY,
        .tolerance = {0.05, NAN},
        .margin = {0.2, NAN},
        .log_e_fail = NAN,
        .log_e_pass = NAN,
        .eta_s = NAN,
        .dispersion = 1,
        .no_limit = true,
        .baseline = {10, NAN, 12.5},
        .candidate = {0, NAN, NAN},
    };
    v.metrics = &e;
    v.n_metrics = 1;
    struct buf out, again;
    struct verdict back;
    struct err err = {0};
    arena_init(&a);
    buf_init(&out, JSON_MAX);
    buf_init(&again, JSON_MAX);
    verdict_to_json(&v, &out);
    if (!read_text(&back, out.data, &a, &err))
        t_fail(__FILE__, __LINE__, "%s in %s", err.message, out.data);
    verdict_to_json(&back, &again);
    T_EQ_STR(again.data, out.data);
    T_CHECK(back.revision == NULL);
    T_CHECK(isnan(back.share));
    T_EQ_INT(back.segment, 0);
    T_EQ_INT(back.last_block, -1);
    T_EQ_INT(back.outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(back.mode, MODE_SHADOW);
    T_EQ_STR(back.reason, "line\n\"quoted\"");
    T_CHECK(isinf(back.metrics[0].upper));
    T_CHECK(isnan(back.metrics[0].log_e_fail));
    T_CHECK(back.metrics[0].no_limit);
    T_NEAR(back.metrics[0].baseline.quantile, 12.5, 0, 0);
    T_CHECK(isnan(back.metrics[0].baseline.events));
    T_CHECK(!verdict_differs(&v, &back));
    buf_release(&out);
    buf_release(&again);
    arena_release(&a);
}

static void bad_verdicts_are_refused(void)
{
    static const struct {
        int line;
        const char *json, *why;
    } cases[] = {
        {__LINE__, "[]", "must be an object"},
        {__LINE__, "{}", "/release must be text"},
        {__LINE__, "{\"release\":1}", "/release must be text"},
        {__LINE__, "{\"release\":\"r\",\"seq\":1.5}", "/seq must be a whole number"},
        {__LINE__, "{\"release\":\"r\",\"seq\":-1}", "/seq must be a whole number"},
        {__LINE__, "{\"release\":\"r\",\"phase\":\"juding\"}", "/phase must be a word"},
        {__LINE__, "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":null}", "/verdict must"},
        {__LINE__, "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":\"hold\",\"cause\":\"x\"}",
         "/cause must"},
        {__LINE__,
         "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":\"hold\",\"health\":\"ok\","
         "\"guarantee\":\"none\",\"share\":\"5%\"}",
         "/share must be a number"},
        {__LINE__,
         "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":\"hold\",\"health\":\"ok\","
         "\"guarantee\":\"none\",\"at\":\"yesterday\"}",
         "/at must be a time"},
        {__LINE__,
         "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":\"hold\",\"health\":\"ok\","
         "\"guarantee\":\"none\",\"metrics\":{}}",
         "/metrics must be a list"},
        {__LINE__,
         "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":\"hold\",\"health\":\"ok\","
         "\"guarantee\":\"none\",\"metrics\":[{\"name\":\"m\",\"kind\":\"rate\"}]}",
         "/metrics/0/role must"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct verdict v;
        struct err err = {0};
        arena_init(&a);
        if (read_text(&v, cases[i].json, &a, &err))
            t_fail(__FILE__, cases[i].line, "taken");
        else if (!strstr(err.message, cases[i].why))
            t_fail(__FILE__, cases[i].line, "%s, want %s", err.message, cases[i].why);
        arena_release(&a);
    }
}

/* A reason that is too long is cut between characters. */
static void long_reasons_are_cut_between_characters(void)
{
    struct arena a;
    struct verdict v;
    struct err err = {0};
    struct buf json;
    arena_init(&a);
    buf_init(&json, JSON_MAX);
    buf_add_str(&json, "{\"release\":\"r\",\"phase\":\"judging\",\"verdict\":\"hold\","
                       "\"health\":\"ok\",\"guarantee\":\"none\",\"reason\":\"ab");
    for (int i = 0; i < 300; i++)
        buf_add_str(&json, "\xe2\x82\xac");
    buf_add_str(&json, "\"}");
    if (!read_text(&v, json.data, &a, &err))
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_EQ_INT(strlen(v.reason), 2 + 169 * 3);
    T_CHECK((unsigned char)v.reason[2 + 169 * 3 - 1] == 0xac);
    buf_release(&json);
    arena_release(&a);
}

static void differences_that_matter(void)
{
    struct evidence e1 = {.name = "errors", .state = STATE_UNDECIDED}, e2 = e1;
    struct verdict v1 = {.release = "r", .share = 0.05, .advance_to = NAN, .metrics = &e1};
    v1.n_metrics = 1;
    struct verdict v2 = v1;
    v2.metrics = &e2;
    v2.seq = 9;
    v2.at.us = 5;
    e2.log_e_pass = 3;
    T_CHECK(!verdict_differs(&v1, &v2));
    e2.state = STATE_HARMLESS;
    T_CHECK(verdict_differs(&v1, &v2));
    e2.state = e1.state;
    v2.health = HEALTH_STALE;
    T_CHECK(verdict_differs(&v1, &v2));
    v2.health = v1.health;
    v2.advance_to = 0.25;
    T_CHECK(verdict_differs(&v1, &v2));
    v2.advance_to = NAN;
    v2.share = NAN;
    T_CHECK(verdict_differs(&v1, &v2));
    v2.share = v1.share;
    v2.segment = 3;
    T_CHECK(verdict_differs(&v1, &v2));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"contract_reads_and_writes", contract_reads_and_writes},
        {"empty_verdict_reads_back", empty_verdict_reads_back},
        {"bad_verdicts_are_refused", bad_verdicts_are_refused},
        {"long_reasons_are_cut_between_characters", long_reasons_are_cut_between_characters},
        {"differences_that_matter", differences_that_matter},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
