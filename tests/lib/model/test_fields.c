/*
 * Every type of field against a vocabulary made up here, so that the reader is tested apart from
 * what this build happens to offer.
 */
#include "lib/model/fields.h"

#include <math.h>

#include "tests/t.h"

struct toy {
    const char *text, *name, *url;
    bool flag;
    int64_t whole, time_us;
    double number, fraction;
    int choice;
    struct labels labels;
    struct cohort_labels cohorts;
};

#define AT(member) .offset = offsetof(struct toy, member)
static const struct field toy_fields[] = {
    {.name = "text", .type = FIELD_STRING, AT(text), .help = "a text"},
    {.name = "name", .type = FIELD_NAME, AT(name), .help = "a name"},
    {.name = "url", .type = FIELD_URL, AT(url), .help = "an address", .is_target = true},
    {.name = "flag", .type = FIELD_BOOL, AT(flag), .dflt = "true", .help = "yes or no"},
    {.name = "whole", .type = FIELD_INT, AT(whole), .min = -5, .max = 1000, .dflt = "7"},
    {.name = "time", .type = FIELD_DURATION, AT(time_us), .min = 0, .max = 60, .dflt = "1s"},
    {.name = "number", .type = FIELD_NUMBER, AT(number), .min = 0.5, .max = 2},
    {.name = "fraction", .type = FIELD_FRACTION, AT(fraction), .min = 0, .max = 1, .dflt = "5%"},
    {.name = "choice", .type = FIELD_CHOICE, AT(choice), .choices = "red|green|blue"},
    {.name = "labels", .type = FIELD_LABELS, AT(labels)},
    {.name = "cohorts", .type = FIELD_COHORTS, AT(cohorts)},
};

static const struct word toy_word = {
    .name = "toy",
    .fields = toy_fields,
    .n_fields = sizeof(toy_fields) / sizeof(toy_fields[0]),
    .config_size = sizeof(struct toy),
};

struct reading {
    struct arena arena;
    struct reader reader;
    struct spec_word word;
    const struct toy *toy;
    bool ok;
};

static void read_toy(struct reading *x, const char *text, bool allow_inline)
{
    *x = (struct reading){0};
    struct err err = {0};
    arena_init(&x->arena);
    reader_init(&x->reader, &x->arena);
    struct spec_options options = {.allow_inline_targets = allow_inline};
    struct node *n = node_read(&x->arena, text, strlen(text), &err);
    if (!n) {
        t_fail(__FILE__, __LINE__, "%s: %s", text, err.message);
        return;
    }
    x->ok = word_read(&x->reader, n, "a toy", &toy_word, &options, NULL, &x->word);
    x->toy = x->word.config;
}

static void defaults_fill_what_is_absent(void)
{
    struct reading x;
    read_toy(&x, "{\"text\": null}", false);
    T_CHECK(x.ok);
    T_CHECK(x.toy->text == NULL && x.toy->url == NULL);
    T_CHECK(x.toy->flag);
    T_EQ_INT(x.toy->whole, 7);
    T_EQ_INT(x.toy->time_us, US_PER_SECOND);
    T_CHECK(isnan(x.toy->number));
    T_NEAR(x.toy->fraction, 0.05, 1e-15, 0);
    T_EQ_INT(x.toy->choice, -1);
    T_EQ_INT(x.toy->labels.n, 0);
    arena_release(&x.arena);
}

static void values_are_read_in_their_units(void)
{
    struct reading x;
    read_toy(&x,
             "text: 0012\nname: a-1\nurl: https://h:8443/p?q=a@b\nflag: false\nwhole: -5\n"
             "time: 1.5s\nnumber: 1e0\nfraction: 12.5 %\nchoice: blue\n"
             "labels: {code: 5xx, n: 200}\n"
             "cohorts: {baseline: {v: a}, candidate: {v: b}}\n",
             true);
    T_CHECK(x.ok);
    T_EQ_STR(x.toy->text, "0012");
    T_EQ_STR(x.toy->url, "https://h:8443/p?q=a@b");
    T_CHECK(!x.toy->flag);
    T_EQ_INT(x.toy->whole, -5);
    T_EQ_INT(x.toy->time_us, 1500000);
    T_NEAR(x.toy->fraction, 0.125, 0, 0);
    T_EQ_INT(x.toy->choice, 2);
    T_EQ_INT(x.toy->labels.n, 2);
    T_EQ_STR(x.toy->labels.items[1].value, "200");
    T_EQ_STR(x.toy->cohorts.candidate.items[0].value, "b");
    arena_release(&x.arena);
    read_toy(&x, "{\"fraction\": -0.0}", true);
    T_CHECK(x.ok && !signbit(x.toy->fraction));
    arena_release(&x.arena);
}

/* One document, one complaint: which field, and a part of what is said. */
static void wrong_values_are_named(void)
{
    static const struct {
        int line;
        const char *text, *field, *says;
    } cases[] = {
        {__LINE__, "{\"text\": 5}", "text", "is `5`; write text"},
        {__LINE__, "{\"text\": \"\"}", "text", "write text"},
        {__LINE__, "{\"text\": \"a\\nb\"}", "text", "no control characters"},
        {__LINE__, "{\"text\": [1]}", "text", "is a list"},
        {__LINE__, "{\"name\": \"A\"}", "name", "a name of a-z"},
        {__LINE__, "{\"name\": \"-a\"}", "name", "a name of a-z"},
        {__LINE__, "{\"name\": \"a-\"}", "name", "a name of a-z"},
        {__LINE__, "{\"url\": \"http://\"}", "url", "begins with http"},
        {__LINE__, "{\"url\": \"http://:80\"}", "url", "begins with http"},
        {__LINE__, "{\"url\": \"http://a b\"}", "url", "begins with http"},
        {__LINE__, "{\"url\": \"HTTP://a\"}", "url", "begins with http"},
        {__LINE__, "{\"url\": \"http://u:p@h/\"}", "url", "no place in a spec"},
        {__LINE__, "{\"flag\": \"true\"}", "flag", "write true or false"},
        {__LINE__, "{\"whole\": 1001}", "whole", "a whole number from -5 to 1000"},
        {__LINE__, "{\"whole\": 1.5}", "whole", "a whole number"},
        {__LINE__, "{\"whole\": \"5\"}", "whole", "a whole number"},
        {__LINE__, "{\"time\": \"61s\"}", "time", "from 0s to 1m"},
        {__LINE__, "{\"time\": 5}", "time", "did you mean `5s`"},
        {__LINE__, "{\"time\": \"5 s\"}", "time", "a duration with its unit"},
        {__LINE__, "{\"number\": 0.4}", "number", "a number from 0.5 to 2"},
        {__LINE__, "{\"number\": \"1\"}", "number", "a number from 0.5 to 2"},
        {__LINE__, "{\"fraction\": 5}", "fraction", "did you mean `5%`"},
        {__LINE__, "{\"fraction\": \"500%\"}", "fraction", "from 0 % to 100 %"},
        {__LINE__, "{\"fraction\": \"five\"}", "fraction", "a fraction"},
        {__LINE__, "{\"fraction\": true}", "fraction", "a fraction"},
        {__LINE__, "{\"choice\": \"gre\"}", "choice", "one of: red, green, blue"},
        {__LINE__, "{\"choice\": \"red|green\"}", "choice", "one of: red, green, blue"},
        {__LINE__, "{\"labels\": {\"a\": 5}}", "labels.a", "text in quotes"},
        {__LINE__, "{\"labels\": {\"\": \"x\"}}", "labels.", "no label name"},
        {__LINE__, "{\"cohorts\": {\"baseline\": {\"v\": \"a\"}}}", "cohorts.candidate", "missing"},
        {__LINE__, "{\"cohorts\": {\"baseline\": {}, \"candidate\": {\"v\": \"a\"}}}", "cohorts",
         "gives a cohort no label"},
        {__LINE__, "{\"tmie\": \"1s\"}", "tmie", "did you mean `time`"},
        {__LINE__, "{\"Fraction\": 1}", "Fraction", "did you mean `fraction`"},
        {__LINE__, "{\"colour\": 1}", "colour", "its fields: text, name, url"},
        {__LINE__, "[1]", "spec", "a toy is an object of fields"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reading x;
        read_toy(&x, cases[i].text, true);
        const struct complaint *c = &x.reader.items[0];
        if (x.ok || x.reader.n != 1)
            t_fail(__FILE__, cases[i].line, "%zu complaints", x.reader.n);
        else if (strcmp(c->field, cases[i].field) != 0 || !strstr(c->message, cases[i].says))
            t_fail(__FILE__, cases[i].line, "%s: %s", c->field, c->message);
        arena_release(&x.arena);
    }
}

static void a_password_is_not_repeated(void)
{
    struct reading x;
    read_toy(&x, "{\"url\": \"http://judge:hunter2@h/\"}", true);
    T_EQ_INT(x.reader.n, 1);
    T_CHECK(!strstr(x.reader.items[0].message, "hunter2"));
    arena_release(&x.arena);
}

static void targets_need_leave_or_a_connection(void)
{
    struct reading x;
    read_toy(&x, "{\"url\": \"http://h\"}", false);
    T_CHECK(!x.ok);
    T_HAS_STR(x.reader.items[0].message, "--inline-targets");
    arena_release(&x.arena);
    read_toy(&x, "{\"url\": \"http://h\", \"connection\": \"c\"}", true);
    T_CHECK(!x.ok);
    T_HAS_STR(x.reader.items[0].message, "leave one of the two out");
    arena_release(&x.arena);
    read_toy(&x, "{\"connection\": \"prod\"}", false);
    T_CHECK(x.ok);
    T_EQ_STR(x.word.connection, "prod");
    T_CHECK(x.toy->url == NULL);
    arena_release(&x.arena);
}

/* All complaints of a document are kept, in the bound, and the listing says that it was cut. */
static void complaints_are_all_listed_up_to_a_bound(void)
{
    struct buf text;
    buf_init(&text, 65536);
    buf_add_char(&text, '{');
    for (int i = 0; i < COMPLAINTS_MAX + 20; i++)
        buf_addf(&text, "%s\"zz%d\": 1", i ? "," : "", i);
    buf_add_char(&text, '}');
    struct reading x;
    read_toy(&x, text.data, true);
    T_CHECK(!x.ok);
    T_EQ_INT(x.reader.n, COMPLAINTS_MAX);
    T_CHECK(x.reader.is_cut);
    arena_release(&x.arena);
    buf_release(&text);
}

static void paths_and_places(void)
{
    struct arena a;
    struct err err = {0};
    struct reader r;
    arena_init(&a);
    reader_init(&r, &a);
    const char *yaml = "a:\n  - b: 1\n  - c:\n      d: 2\n";
    struct node *n = node_read_yaml(&a, yaml, strlen(yaml), &err);
    T_CHECK(n);
    const struct node *item = node_get(n, "a")->first->next;
    const struct node *c = node_get(item, "c");
    complain(&r, c, "d", "x");
    complain(&r, c, "e", "x");
    complain(&r, item, NULL, "x");
    T_EQ_STR(r.items[0].field, "a[1].c.d");
    T_EQ_STR(r.items[0].where, "line 4");
    T_EQ_STR(r.items[1].field, "a[1].c.e");
    T_EQ_STR(r.items[2].field, "a[1]");
    const char *json = "{\"a\": [{\"b/c\": 1}]}";
    n = node_read_json(&a, json, strlen(json), &err);
    T_CHECK(n);
    complain(&r, node_get(n, "a")->first->first, NULL, "x");
    T_EQ_STR(r.items[3].where, "/a/0/b~1c");
    arena_release(&a);
}

static void names_a_slip_away(void)
{
    static const char *const names[] = {"platform", "steps", "of", "min_time"};
    T_EQ_STR(nearest_name("platfrom", names, 4), "platform");
    T_EQ_STR(nearest_name("stpes", names, 4), "steps");
    T_EQ_STR(nearest_name("minTime", names, 4), "min_time");
    T_EQ_STR(nearest_name("min-time", names, 4), "min_time");
    T_CHECK(nearest_name("xx", names, 4) == NULL);
    T_CHECK(nearest_name("weather", names, 4) == NULL);
    char huge[500];
    memset(huge, 'a', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    T_CHECK(nearest_name(huge, names, 4) == NULL);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"defaults_fill_what_is_absent", defaults_fill_what_is_absent},
        {"values_are_read_in_their_units", values_are_read_in_their_units},
        {"wrong_values_are_named", wrong_values_are_named},
        {"a_password_is_not_repeated", a_password_is_not_repeated},
        {"targets_need_leave_or_a_connection", targets_need_leave_or_a_connection},
        {"complaints_are_all_listed_up_to_a_bound", complaints_are_all_listed_up_to_a_bound},
        {"paths_and_places", paths_and_places},
        {"names_a_slip_away", names_a_slip_away},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
