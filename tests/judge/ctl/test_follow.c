/*
 * What a verdict means on the command line: the exit status of a release that ended, the line that
 * is shown of one, a name as a segment of a path.
 */
#include "judge/ctl/ctl.h"

#include "tests/t.h"

static struct arena arena;

static const struct node *parse(const char *json)
{
    struct err err = {0};
    const struct node *n = node_read_json(&arena, json, strlen(json), &err);
    if (!n)
        t_fail(__FILE__, __LINE__, "%s: %s", json, err.message);
    return n;
}

static void an_outcome_is_an_exit_status(void)
{
    static const struct {
        int line;
        const char *verdict;
        int want;
    } cases[] = {
        {__LINE__, "{\"outcome\":\"promoted\",\"cause\":null}", EXIT_PROMOTE},
        {__LINE__, "{\"outcome\":\"promoted\",\"cause\":\"person\"}", EXIT_PROMOTE},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"harm\"}", EXIT_ROLLBACK},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"deadline\"}", EXIT_INCONCLUSIVE},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"person\"}", EXIT_INCONCLUSIVE},
        {__LINE__, "{\"outcome\":\"stopped\",\"cause\":\"person\"}", EXIT_INCONCLUSIVE},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"no_data\"}", EXIT_NO_DATA},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"unhealthy\"}", EXIT_NO_DATA},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"drift\"}", EXIT_NOT_FOLLOWED},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"platform\"}", EXIT_NOT_FOLLOWED},
        {__LINE__, "{\"outcome\":\"rolled_back\",\"cause\":\"of another version\"}",
         EXIT_INCONCLUSIVE},
        {__LINE__, "{}", EXIT_INCONCLUSIVE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const int got = ctl_outcome_status(parse(cases[i].verdict));
        if (got != cases[i].want)
            t_fail(__FILE__, cases[i].line, "%s: %d", cases[i].verdict, got);
    }
}

static void a_verdict_is_a_line(void)
{
    static const struct {
        int line;
        const char *verdict, *want;
    } cases[] = {
        {__LINE__, "{}", "?: ?: "},
        {__LINE__,
         "{\"phase\":\"judging\",\"outcome\":null,\"verdict\":\"continue\",\"health\":\"ok\","
         "\"share\":0.05,\"reason\":\"not shown\",\"metrics\":[{\"name\":\"errors\",\"state\":"
         "\"undecided\",\"effect\":{\"estimate\":1.084}},{\"name\":\"p95\",\"state\":\"no_data\","
         "\"effect\":{\"estimate\":null}}]}",
         "judging at 5 %: continue; errors undecided x1.08; p95 no_data"},
        {__LINE__,
         "{\"phase\":\"judging\",\"verdict\":\"hold\",\"health\":\"srm\",\"share\":null,"
         "\"reason\":\"why\"}",
         "judging: hold: why (srm)"},
        {__LINE__,
         "{\"phase\":\"done\",\"outcome\":\"rolled_back\",\"verdict\":\"rollback\",\"reason\":"
         "\"harm\"}",
         "rolled_back: rollback: harm"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = ctl_verdict_line(parse(cases[i].verdict), &arena);
        if (strcmp(got, cases[i].want) != 0)
            t_fail(__FILE__, cases[i].line, "\"%s\"", got);
    }
}

static void a_name_becomes_a_path_segment(void)
{
    T_EQ_STR(ctl_encode("checkout-1.2_3~", &arena), "checkout-1.2_3~");
    T_EQ_STR(ctl_encode("../a b?c#d%", &arena), "..%2Fa%20b%3Fc%23d%25");
    T_EQ_STR(ctl_encode("\xc3\xa4", &arena), "%C3%A4");
    T_EQ_STR(ctl_encode("", &arena), "");
}

/* Names are unique, every command takes the common flags, arguments and counts agree. */
static void the_table_of_commands(void)
{
    size_t n = 0;
    for (const struct command *const *c = ctl_commands; *c; c++, n++) {
        size_t words = 0, optional = 0;
        for (const char *at = (*c)->arguments; *at; at++) {
            const bool begins = at == (*c)->arguments || at[-1] == ' ';
            words += begins;
            optional += begins && *at == '[';
        }
        if ((*c)->min_args != words - optional || (*c)->max_args < words)
            t_fail(__FILE__, __LINE__, "%s: arguments", (*c)->name);
        if (!(*c)->run || !*(*c)->help || (*c)->n_rows < 6 ||
            strcmp((*c)->rows[0].name, "url") != 0)
            t_fail(__FILE__, __LINE__, "%s: row", (*c)->name);
        for (const struct command *const *d = ctl_commands; d < c; d++)
            if (strcmp((*c)->name, (*d)->name) == 0)
                t_fail(__FILE__, __LINE__, "%s is there twice", (*c)->name);
    }
    T_CHECK(n >= 17);
}

/* run looks up every few seconds: each look begins anew, the patience with the service does not. */
static void patience_with_a_service_that_is_gone_ends(void)
{
    const struct flags f = {
        .url = "http://127.0.0.1:1", .token = "t", .token_file = "", .state = ""};
    struct followed at;
    struct err err = {0};
    followed_init(&at);
    T_EQ_INT(ctl_next_verdict(&f, "x", &at, 400, &err), 1);
    at.reached = mono_add_ms(at.reached, -61000);
    T_EQ_INT(ctl_next_verdict(&f, "x", &at, 400, &err), -1);
    T_EQ_INT(err.code, ERR_NETWORK);
    followed_release(&at);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"patience_with_a_service_that_is_gone_ends", patience_with_a_service_that_is_gone_ends},
        {"an_outcome_is_an_exit_status", an_outcome_is_an_exit_status},
        {"a_verdict_is_a_line", a_verdict_is_a_line},
        {"a_name_becomes_a_path_segment", a_name_becomes_a_path_segment},
        {"the_table_of_commands", the_table_of_commands},
    };
    arena_init(&arena);
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
