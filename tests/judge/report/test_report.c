/*
 * Reports in their four forms: the same facts give the same text, hostile texts stay texts, and
 * what is not known never looks good.
 */
#include "judge/report/report.h"

#include <stdlib.h>

#include "judge/report/words.h"
#include "tests/judge/report/facts.h"
#include "tests/t.h"

static struct buf out;

typedef void write_fn(const struct report_facts *f, struct buf *b);

static const char *written(write_fn *write, const struct report_facts *f)
{
    buf_clear(&out);
    write(f, &out);
    return buf_ok(&out) ? out.data : "(overflow)";
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* ---- Markdown ---- */

static const char golden[] =
    "# checkout-1\n"
    "\n"
    "**Continue** errors: undecided, about 6 min left at this traffic\n"
    "\n"
    "- service: checkout\n"
    "- environment: prod\n"
    "- revision: 4f2c9d1\n"
    "- phase: judging\n"
    "- began: 2026-11-23 10:04:59 UTC\n"
    "- verdict: continue\n"
    "- reason: errors: undecided, about 6 min left at this traffic\n"
    "- guarantee: Proven: a promotion means that harm beyond the margin was ruled out on traffic "
    "of the same time.\n"
    "\n"
    "## Can the data be trusted?\n"
    "\n"
    "- health: ok. Samples of both versions arrive, in time and in the intended split.\n"
    "- split: as intended. What is seen does not contradict the intended share.\n"
    "- dispersion: 1.2\n"
    "- late samples: 0\n"
    "- last verdict: 2026-11-23 10:15:00 UTC\n"
    "\n"
    "## Evidence\n"
    "\n"
    "| metric | role | baseline | candidate | effect | margin | state |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n"
    "| errors | guardrail | 1 % (229 of 22,880) | 1.1 % (13 of 1,204) | \xc3\x97 1.08 (0.71 to "
    "1.62) | 50 % and 0.5 points | undecided |\n"
    "| latency | signal | 240 (of 5,000) | 238 (of 900) | \xc3\x97 0.99 (0.9 to no limit) | 20 % "
    "| harmless |\n"
    "\n"
    "- **errors** undecided, about 6 min left at this traffic\n"
    "- **latency** ruled out\n"
    "\n"
    "## Steps taken\n"
    "\n"
    "| segment | candidate | asked | opened | closed |\n"
    "| --- | --- | --- | --- | --- |\n"
    "| 1 | 1 % | 5 % | 2026-11-23 10:05:00 UTC | 2026-11-23 10:10:00 UTC |\n"
    "| 2 | 5 % | 25 % | 2026-11-23 10:10:00 UTC | open |\n"
    "\n"
    "## Decision log\n"
    "\n"
    "- 2026-11-23 10:05:00 UTC **apply** by ci\n"
    "- 2026-11-23 10:10:00 UTC **shift** by runner: errors are harmless\n"
    "\n"
    "## Method\n"
    "\n"
    "**Method.** The release's spec cannot be read here, so its error rates and margins cannot be "
    "shown.\n";

static void markdown(void)
{
    struct test_facts t;
    test_facts_init(&t);
    T_EQ_STR(written(report_markdown, &t.f), golden);
    test_facts_release(&t);
}

static void markdown_is_not_opened(void)
{
    struct test_facts t;
    test_facts_init(&t);
    t.f.release.revision = "[x](http://evil) | <b> `a` *b*\n# c";
    const char *text = written(report_markdown, &t.f);
    T_CHECK(has(text, "- revision: \\[x\\](http://evil) \\| &lt;b\\> \\`a\\` \\*b\\* \\# c\n"));
    test_facts_release(&t);
}

/* ---- HTML ---- */

static void html_is_whole(void)
{
    struct test_facts t;
    test_facts_init(&t);
    const char *text = written(report_html, &t.f);
    static const char *const parts[] = {"id=\"banner\"",   "id=\"trust\"",    "id=\"evidence\"",
                                        "id=\"progress\"", "id=\"timeline\"", "id=\"log\"",
                                        "id=\"method\""};
    const char *at = text;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) { /* all there, in this order */
        at = strstr(at, parts[i]);
        T_CHECK(at != NULL);
    }
    T_CHECK(!has(text, "<script"));
    T_CHECK(!has(text, "http://") && !has(text, "https://") && !has(text, "@import"));
    T_CHECK(has(text, "<desc id=\"bar-0-desc\">Candidate against baseline: \xc3\x97 1.08 (0.71 to "
                      "1.62). 1 is the same; harm reaches the margin above 1.5.</desc>"));
    T_CHECK(has(text, "aria-current=\"step\"><span class=\"share\">5 %"));
    T_CHECK(has(text, "stable 95, candidate 5"));
    test_facts_release(&t);
}

/* A hostile text in every place that takes one. */
static void html_is_not_opened(void)
{
    static const char evil[] = "<img src=x onerror=alert(1)>\"'&";
    struct test_facts t;
    test_facts_init(&t);
    t.f.release.id = t.f.release.service = t.f.release.environment = t.f.release.revision = evil;
    t.f.release.is_paused = true;
    t.f.release.paused_why = evil;
    t.metrics[0].name = evil;
    snprintf(t.metrics[0].reason, REASON_BYTES, "%s", evil);
    snprintf(t.verdict.reason, REASON_BYTES, "%s", evil);
    t.verdict.health = HEALTH_SRM;
    t.log[1] = (struct report_entry){test_time(0), evil, evil, evil, evil};
    static const char status[] = "{\"steps\":[0.5,1],\"step\":0,\"share\":0.5,\"observed\":0.5,"
                                 "\"weights\":\"<img src=x>\",\"pending\":\"<img src=x>\","
                                 "\"waiting\":\"<img src=x>\"}";
    struct err err = {0};
    t.f.progress = node_read_json(&t.arena, status, sizeof(status) - 1, &err);
    T_CHECK(t.f.progress != NULL);
    const char *text = written(report_html, &t.f);
    T_CHECK(!has(text, "<img"));
    T_CHECK(has(text, "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"));
    test_facts_release(&t);
}

/* ---- no data is never good ---- */

static void headline_tones(void)
{
    static const struct {
        int line;
        enum phase phase;
        enum outcome outcome;
        enum cause cause;
        enum verdict_word word;
        enum health health;
        enum guarantee guarantee;
        bool is_paused, is_stale;
        enum tone want;
        const char *says;
    } cases[] = {
        {__LINE__, .word = VERDICT_CONTINUE, .want = TONE_BUSY, .says = "Continue"},
        {__LINE__, .word = VERDICT_ADVANCE, .want = TONE_GOOD, .says = "Advance"},
        {__LINE__, .word = VERDICT_HOLD, .want = TONE_WARN, .says = "Hold"},
        {__LINE__, .word = VERDICT_PROMOTE, .want = TONE_GOOD, .says = "Promote"},
        {__LINE__, .word = VERDICT_ROLLBACK, .want = TONE_BAD, .says = "Roll back"},
        {__LINE__, .word = VERDICT_INCONCLUSIVE, .want = TONE_WARN, .says = "Inconclusive"},
        {__LINE__, .word = VERDICT_PROMOTE, .health = HEALTH_NO_DATA, .want = TONE_NONE,
         .says = "No data"},
        {__LINE__, .word = VERDICT_ADVANCE, .health = HEALTH_STALE, .want = TONE_WARN,
         .says = "Stale"},
        {__LINE__, .word = VERDICT_ADVANCE, .health = HEALTH_SRM, .want = TONE_WARN,
         .says = "Split broken"},
        {__LINE__, .word = VERDICT_ADVANCE, .health = HEALTH_CONFLICTING, .want = TONE_WARN,
         .says = "Conflicting"},
        {__LINE__, .word = VERDICT_ROLLBACK, .health = HEALTH_NO_DATA, .want = TONE_BAD,
         .says = "Roll back"},
        {__LINE__, .word = VERDICT_ADVANCE, .is_stale = true, .want = TONE_WARN, .says = "Stale"},
        {__LINE__, .word = VERDICT_ADVANCE, .is_paused = true, .want = TONE_WARN, .says = "Paused"},
        {__LINE__, PHASE_DONE, OUTCOME_PROMOTED, .word = VERDICT_PROMOTE, .want = TONE_GOOD,
         .says = "Promoted"},
        {__LINE__, PHASE_DONE, OUTCOME_PROMOTED, CAUSE_PERSON, .want = TONE_WARN,
         .says = "Promoted"},
        {__LINE__, PHASE_DONE, OUTCOME_PROMOTED, .guarantee = GUARANTEE_CHECKS, .want = TONE_WARN,
         .says = "Promoted"},
        {__LINE__, PHASE_DONE, OUTCOME_ROLLED_BACK, CAUSE_HARM, .want = TONE_BAD,
         .says = "Rolled back"},
        {__LINE__, PHASE_DONE, OUTCOME_STOPPED, CAUSE_NO_DATA, .want = TONE_WARN,
         .says = "Stopped"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_facts t;
        struct headline head;
        test_facts_init(&t);
        if (cases[i].phase)
            t.f.release.phase = cases[i].phase;
        t.f.release.outcome = cases[i].outcome;
        t.f.release.cause = cases[i].cause;
        t.f.release.is_paused = cases[i].is_paused;
        t.verdict.word = cases[i].word;
        t.verdict.health = cases[i].health;
        t.verdict.guarantee = cases[i].guarantee;
        if (cases[i].is_stale)
            t.f.now = test_time(31);
        report_headline(&t.f, &head);
        if (head.tone != cases[i].want || strcmp(head.word, cases[i].says) != 0)
            t_fail(__FILE__, cases[i].line, "got %s %s, want %s %s", tone_name(head.tone),
                   head.word, tone_name(cases[i].want), cases[i].says);
        if (!has(written(report_html, &t.f), cases[i].says) ||
            !has(written(report_markdown, &t.f), cases[i].says) ||
            !has(written(report_json, &t.f), cases[i].says))
            t_fail(__FILE__, cases[i].line, "a form does not say %s", cases[i].says);
        test_facts_release(&t);
    }
}

static void no_data_is_not_green(void)
{
    struct test_facts t;
    struct headline head;
    test_facts_init(&t);

    t.verdict.word = VERDICT_ADVANCE; /* a verdict that claims more than its evidence */
    t.metrics[0].state = STATE_NO_DATA;
    report_headline(&t.f, &head);
    T_EQ_INT(head.tone, TONE_NONE);

    t.metrics[0].state = STATE_UNDECIDED; /* healthy so far, but nothing has been counted */
    t.verdict.word = VERDICT_CONTINUE;
    for (size_t i = 0; i < 2; i++) {
        t.metrics[i].state = STATE_UNDECIDED;
        t.metrics[i].baseline.n = t.metrics[i].candidate.n = 0;
        t.metrics[i].estimate = t.metrics[i].lower = t.metrics[i].upper = NAN;
    }
    const char *text = written(report_html, &t.f);
    T_CHECK(!has(text, "pill good"));
    T_CHECK(has(text, "no samples yet") && has(text, "Nothing can be drawn yet."));

    t.f.verdict = NULL; /* no verdict at all */
    t.f.has_segments = t.f.has_log = false;
    text = written(report_html, &t.f);
    T_CHECK(!has(text, "pill good") && !has(text, "banner good"));
    T_CHECK(has(text, "No verdict yet") && has(text, "cannot be read at the moment"));

    t.f.release.phase = PHASE_DONE; /* promoted, but no verdict says why */
    t.f.release.outcome = OUTCOME_PROMOTED;
    report_headline(&t.f, &head);
    T_CHECK(head.tone != TONE_GOOD);
    test_facts_release(&t);
}

/* ---- the margin on the axis ---- */

static void limits(void)
{
    struct test_facts t;
    test_facts_init(&t);
    struct evidence *e = &t.metrics[0];
    T_NEAR(report_limit_ratio(e, HARM_INCREASE), 1.5, 0,
           1e-3);              /* 0.5 / 1.0009 % is less than half */
    e->margin.absolute = 0.01; /* a point on 1 %: twice */
    T_NEAR(report_limit_ratio(e, HARM_INCREASE), 2, 0, 2e-3);
    T_NEAR(report_limit_ratio(e, HARM_DECREASE), 0, 0, 2e-3);
    e->baseline.n = 0;
    T_CHECK(isnan(report_limit_ratio(e, HARM_INCREASE)));
    e->margin.absolute = NAN;
    T_NEAR(report_limit_ratio(e, HARM_INCREASE), 1.5, 0, 1e-12);
    test_facts_release(&t);
}

/* ---- CSV ---- */

static void csv_is_defused(void)
{
    struct test_facts t;
    test_facts_init(&t);
    t.f.release.service = "=HYPERLINK(\"http://evil\")";
    t.f.release.environment = "a,b";
    t.f.release.revision = "@x";
    snprintf(t.metrics[0].reason, REASON_BYTES, "-1+2\r\nsecond \"line\"");
    const char *text = written(report_csv, &t.f);
    T_CHECK(has(text, "\"'=HYPERLINK(\"\"http://evil\"\")\",\"a,b\",\"'@x\",judging,"));
    T_CHECK(has(text, ",\"'-1+2\r\nsecond \"\"line\"\"\"\r\n"));
    T_CHECK(has(text, ",-0.4,0.9,"));       /* numbers stay numbers */
    T_CHECK(has(text, ",0.99,0.9,,0.2,,")); /* no limit, no absolute margin: empty */
    test_facts_release(&t);
}

static size_t columns_of(const char *line)
{
    size_t n = 1;
    for (; *line && *line != '\r'; line++)
        n += *line == ',';
    return n;
}

static void csv_has_even_rows(void)
{
    struct test_facts t;
    test_facts_init(&t);
    snprintf(t.metrics[0].reason, REASON_BYTES, "plain");
    const char *text = written(report_csv, &t.f);
    const size_t want = columns_of(text);
    int rows = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1, rows++)
        T_EQ_INT(columns_of(at), want);
    T_EQ_INT(rows, 3);
    t.f.verdict = NULL;
    text = written(report_csv, &t.f);
    T_EQ_INT(columns_of(strchr(text, '\n') + 1), want);
    test_facts_release(&t);
}

/* ---- JSON ---- */

static void json_reads_back(void)
{
    struct test_facts t;
    struct err err = {0};
    test_facts_init(&t);
    t.f.release.revision = "a\"b\\c\n";
    const char *text = written(report_json, &t.f);
    const struct node *n = node_read_json(&t.arena, text, strlen(text), &err);
    T_CHECK(n != NULL);
    T_EQ_STR(node_get_string(n, "revision"), "a\"b\\c\n");
    T_EQ_STR(node_get_string(node_get(n, "headline"), "tone"), "busy");
    T_EQ_INT(node_get_number(node_get(n, "verdict"), "seq", 0), 41);
    T_EQ_INT(node_get(n, "segments")->len, 2);
    T_EQ_INT(node_get(n, "log")->len, 2);
    T_EQ_INT(node_get(node_get(n, "progress"), "steps")->len, 4);
    t.f.has_log = false; /* not known is null, not an empty list */
    text = written(report_json, &t.f);
    n = node_read_json(&t.arena, text, strlen(text), &err);
    T_CHECK(n != NULL && node_get(n, "log")->type == NODE_NULL);
    test_facts_release(&t);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"markdown", markdown},
        {"markdown is not opened", markdown_is_not_opened},
        {"html is whole", html_is_whole},
        {"html is not opened", html_is_not_opened},
        {"headline tones", headline_tones},
        {"no data is not green", no_data_is_not_green},
        {"limits", limits},
        {"csv is defused", csv_is_defused},
        {"csv has even rows", csv_has_even_rows},
        {"json reads back", json_reads_back},
    };
    buf_init(&out, REPORT_BYTES_MAX);
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    buf_release(&out);
    return rc;
}
