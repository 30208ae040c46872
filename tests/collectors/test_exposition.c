#include "collectors/wire/exposition.h"
#include "lib/base/buf.h"
#include "tests/t.h"

#include <math.h>

/* What was read, one line a sample: name{label=raw|...} value type [time]. */
static void write_sample(void *user, const struct exposition_sample *s)
{
    static const char types[] = {'u', 'c', 'g', 'h', 's'};
    struct buf *out = user;
    buf_add(out, s->name, s->name_len);
    for (size_t i = 0; i < s->n_labels; i++) {
        buf_addf(out, "%c%.*s=%.*s", i ? ',' : '{', (int)s->labels[i].name_len, s->labels[i].name,
                 (int)s->labels[i].raw_len, s->labels[i].raw);
    }
    buf_addf(out, "%s %g %c", s->n_labels ? "}" : "", s->value, types[s->type]);
    if (s->has_time)
        buf_addf(out, " @%lld", (long long)s->time_ms);
    buf_add_char(out, '\n');
}

struct exposition_case {
    int line;
    const char *text;
    const char *want;
    size_t bad;
};

#define CASE(...)                                                                                  \
    {                                                                                              \
        __LINE__, __VA_ARGS__                                                                      \
    }

static const struct exposition_case cases[] = {
    CASE("a 1\n", "a 1 u\n", 0),
    CASE("a 1", "a 1 u\n", 0),
    CASE("a{} 1\r\n", "a 1 u\n", 0),
    CASE("a{x=\"1\"} 2\n", "a{x=1} 2 u\n", 0),
    CASE("a{x=\"1\",y=\"2\",} 2 1395066363000\n", "a{x=1,y=2} 2 u @1395066363000\n", 0),
    CASE("  a \t { x = \"1\" , y=\"2\" }  2  -5 \n", "a{x=1,y=2} 2 u @-5\n", 0),
    CASE("a:b_C9{_x=\"\"} 0\n", "a:b_C9{_x=} 0 u\n", 0),
    CASE("a{x=\"q\\\"u}o,te\\\\\"} 3\n", "a{x=q\\\"u}o,te\\\\} 3 u\n", 0),
    CASE("a +Inf\na -Inf\na inf\na 1e3\na 1.\na .5\na +4\na -.5e1\n",
         "a inf u\na -inf u\na inf u\na 1000 u\na 1 u\na 0.5 u\na 4 u\na -5 u\n", 0),
    CASE("# HELP a Some text with { and \"\n# TYPE a counter\na 1\na_total 2\n",
         "a 1 c\na_total 2 u\n", 0),
    CASE("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 4\nh_sum 1\nh_count 4\nhx 1\n",
         "h_bucket{le=+Inf} 4 h\nh_sum 1 h\nh_count 4 h\nhx 1 u\n", 0),
    CASE("# TYPE a gauge\na 1\n# TYPE b strange\nb 2\n# TYPE s summary\ns{quantile=\"0.5\"} 3\n",
         "a 1 g\nb 2 u\ns{quantile=0.5} 3 s\n", 0),
    CASE("#\n# \n#comment\n\n   \n# EOF\n", "", 0),
    CASE("a\n", "", 1),
    CASE("a x\n", "", 1),
    CASE("9a 1\n", "", 1),
    CASE("{x=\"1\"} 1\n", "", 1),
    CASE("a{x=\"1\" 1\n", "", 1),
    CASE("a{x=\"1} 1\n", "", 1),
    CASE("a{x=1} 1\n", "", 1),
    CASE("a{x} 1\n", "", 1),
    CASE("a{9x=\"1\"} 1\n", "", 1),
    CASE("a{x=\"1\"y=\"2\"} 1\n", "", 1),
    CASE("a{x=\"1\"} 1 2 3\n", "", 1),
    CASE("a{x=\"1\"} 1 2.5\n", "", 1),
    CASE("a{x=\"1\\\n", "", 1),
    CASE("a 1 # {trace=\"x\"} 1\n", "", 1),
    CASE("a .\na +-1\na -\na +\na 0x10\na --1\na ++Inf\na +\xff\n", "", 8),
    CASE("a 1\nbroken{\nb 2\n", "a 1 u\nb 2 u\n", 1),
};

static void each_case(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct exposition_case *c = &cases[i];
        struct buf out;
        buf_init(&out, 1 << 16);
        size_t bad = exposition_read(c->text, strlen(c->text), write_sample, &out);
        if (bad != c->bad || strcmp(out.data, c->want) != 0)
            t_fail(__FILE__, c->line, "%zu bad lines, read:\n%swant %zu and:\n%s", bad, out.data,
                   c->bad, c->want);
        buf_release(&out);
    }
}

static void not_a_number(void)
{
    double v = 0;
    T_EQ_INT(exposition_number("NaN", 3, &v), 0);
    T_CHECK(isnan(v));
    T_EQ_INT(exposition_number("nan", 3, &v), 0);
    T_EQ_INT(exposition_number("", 0, &v), -1);
    T_EQ_INT(exposition_number("-nan", 4, &v), -1);
}

static void values_are_unescaped(void)
{
    static const struct {
        const char *raw, *text;
        bool same;
    } rows[] = {
        {"plain", "plain", true}, {"plain", "plai", false}, {"plai", "plain", false},
        {"a\\\"b", "a\"b", true}, {"a\\\\b", "a\\b", true}, {"a\\nb", "a\nb", true},
        {"a\\nb", "anb", false},  {"a\\db", "a\\db", true}, {"", "", true},
        {"", "x", false},         {"a\\db", "adb", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct exposition_label l = {.raw = rows[i].raw, .raw_len = strlen(rows[i].raw)};
        if (exposition_value_is(&l, rows[i].text) != rows[i].same)
            t_fail(__FILE__, __LINE__, "row %zu", i);
    }
}

static void too_many_labels(void)
{
    struct buf text, out;
    buf_init(&text, 1 << 16);
    buf_init(&out, 1 << 16);
    for (int n = SCRAPE_LABELS_MAX; n <= SCRAPE_LABELS_MAX + 1; n++) {
        buf_clear(&text);
        buf_add_str(&text, "a{");
        for (int i = 0; i < n; i++)
            buf_addf(&text, "%sl%d=\"v\"", i ? "," : "", i);
        buf_add_str(&text, "} 1\n");
        T_EQ_INT(exposition_read(text.data, text.len, write_sample, &out), n > SCRAPE_LABELS_MAX);
    }
    buf_release(&text);
    buf_release(&out);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"each case", each_case},
        {"not a number", not_a_number},
        {"values are unescaped", values_are_unescaped},
        {"too many labels", too_many_labels},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
