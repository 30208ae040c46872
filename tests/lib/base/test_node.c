#include "lib/base/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/t.h"

static struct arena arena;

static struct node *read_yaml(const char *text)
{
    struct err err = {0};
    struct node *n = node_read_yaml(&arena, text, strlen(text), &err);
    if (!n)
        t_fail(__FILE__, __LINE__, "%s: %s", text, err.message);
    return n;
}

static bool is_same(const struct node *a, const struct node *b)
{
    struct buf x, y;
    bool same;
    buf_init(&x, 1 << 20);
    buf_init(&y, 1 << 20);
    node_to_json(a, &x);
    node_to_json(b, &y);
    same = strcmp(x.data, y.data) == 0;
    buf_release(&x);
    buf_release(&y);
    return same;
}

static void scalars(void)
{
    static const struct {
        int line;
        const char *text;
        enum node_type type;
        double number;
        bool boolean;
    } rows[] = {
        {__LINE__, "null", NODE_NULL, 0, false},
        {__LINE__, "~", NODE_NULL, 0, false},
        {__LINE__, "", NODE_NULL, 0, false},
        {__LINE__, "# only a comment\n", NODE_NULL, 0, false},
        {__LINE__, "true", NODE_BOOL, 0, true},
        {__LINE__, "False", NODE_BOOL, 0, false},
        {__LINE__, "yes", NODE_STRING, 0, false},
        {__LINE__, "tRue", NODE_STRING, 0, false},
        {__LINE__, "12", NODE_NUMBER, 12, false},
        {__LINE__, "-1.5", NODE_NUMBER, -1.5, false},
        {__LINE__, "1e3", NODE_NUMBER, 1000, false},
        {__LINE__, ".5", NODE_NUMBER, 0.5, false},
        {__LINE__, "0x1f", NODE_NUMBER, 31, false},
        {__LINE__, "0o17", NODE_NUMBER, 15, false},
        {__LINE__, "010", NODE_NUMBER, 10, false},
        {__LINE__, "0xg", NODE_STRING, 0, false},
        {__LINE__, "0o8", NODE_STRING, 0, false},
        {__LINE__, "1%", NODE_STRING, 0, false},
        {__LINE__, "30s", NODE_STRING, 0, false},
        {__LINE__, "1_000", NODE_STRING, 0, false},
        {__LINE__, "\"12\"", NODE_STRING, 0, false},
        {__LINE__, "'true'", NODE_STRING, 0, false},
        {__LINE__, "\"\"", NODE_STRING, 0, false},
        {__LINE__, "\".inf\"", NODE_STRING, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct node *n = read_yaml(rows[i].text);
        T_CHECK(n != NULL);
        if (n->type != rows[i].type)
            t_fail(__FILE__, rows[i].line, "%s is a %s", rows[i].text, node_type_name(n->type));
        T_NEAR(n->number, rows[i].number, 0, 0);
        T_EQ_INT(n->boolean, rows[i].boolean);
        T_EQ_INT(n->text_len, strlen(n->text));
    }
    T_EQ_STR(read_yaml("1e3")->text, "1e3");
    T_EQ_STR(read_yaml("1%")->text, "1%");
}

static const char document[] = "service: checkout\n"
                               "steps: [1, 5, 25]\n"
                               "metrics:\n"
                               "  - name: errors\n"
                               "    margin: {relative: 50%, absolute: 0.5%}\n"
                               "  - name: latency\n"
                               "    \"a/b~c\": |\n"
                               "      two\n"
                               "      lines\n"
                               "empty: {}\n"
                               "none:\n";

static void a_tree(void)
{
    const struct node *root = read_yaml(document);
    const struct node *metrics, *second, *odd;
    struct buf out;
    T_CHECK(root != NULL);
    T_EQ_INT(root->type, NODE_OBJECT);
    T_EQ_INT(root->len, 5);
    T_EQ_STR(node_get_string(root, "service"), "checkout");
    T_NEAR(node_get(root, "steps")->first->next->number, 5, 0, 0);
    metrics = node_get(root, "metrics");
    T_EQ_INT(metrics->len, 2);
    second = metrics->first->next;
    T_CHECK(second->index == 1 && second->parent == metrics && !second->key && !second->next);
    T_EQ_INT(second->line, 6);
    T_EQ_INT(second->column, 5);
    odd = node_get(second, "a/b~c");
    T_EQ_STR(odd->text, "two\nlines\n");
    T_EQ_STR(node_get_string(node_get(metrics->first, "margin"), "absolute"), "0.5%");
    T_EQ_INT(node_get(root, "none")->type, NODE_NULL);
    T_CHECK(node_get(root, "steps")->first->key == NULL);
    T_CHECK(!node_get(root, "x") && !node_get(NULL, "x") && !node_get(metrics, "name"));
    T_CHECK(node_get_string(root, "steps") == NULL);
    T_NEAR(node_get_number(root, "service", 7), 7, 0, 0);
    T_NEAR(node_get_number(read_yaml("a: 3"), "a", 7), 3, 0, 0);
    T_CHECK(node_get_bool(root, "x", true) && !node_get_bool(read_yaml("a: false"), "a", true));
    buf_init(&out, 1000);
    node_pointer(odd, &out);
    T_EQ_STR(out.data, "/metrics/1/a~1b~0c");
    buf_clear(&out);
    node_pointer(root, &out);
    T_EQ_STR(out.data, "");
    node_where(odd, &out);
    T_EQ_STR(out.data, "line 7");
    buf_release(&out);
}

static void json_tree(void)
{
    static const char text[] = "{\"z\": [1, 2.50, -0.0, 12345678901234567, true, null], \"a\": "
                               "{\"\": \"\\u00e4\\n\"}}";
    struct err err = {0};
    struct node *root = node_read(&arena, text, strlen(text), &err);
    const struct node *z;
    struct buf out;
    T_CHECK(root != NULL);
    z = node_get(root, "z");
    T_EQ_INT(z->len, 6);
    T_EQ_STR(z->first->text, "1");
    T_EQ_STR(z->first->next->text, "2.5");
    T_EQ_STR(z->first->next->next->text, "-0");
    T_EQ_STR(z->first->next->next->next->text, "12345678901234567");
    T_EQ_INT(z->line, 0);
    buf_init(&out, 1000);
    node_to_json(root, &out);
    T_EQ_STR(out.data,
             "{\"z\":[1,2.5,-0,12345678901234567,true,null],\"a\":{\"\":\"\xc3\xa4\\n\"}}");
    buf_clear(&out);
    node_where(z->first->next, &out);
    T_EQ_STR(out.data, "/z/1");
    buf_clear(&out);
    node_where(root, &out);
    T_EQ_STR(out.data, "the top level");
    buf_clear(&out);
    node_pointer(node_get(root, "a")->first, &out);
    T_EQ_STR(out.data, "/a/");
    buf_release(&out);
}

/* The same document in both languages is the same tree. */
static void yaml_and_json_agree(void)
{
    static const char json[] =
        "  {\"service\": \"checkout\", \"steps\": [1, 5, 25], \"metrics\": [{\"name\": \"errors\", "
        "\"margin\": {\"relative\": \"50%\", \"absolute\": \"0.5%\"}}, {\"name\": \"latency\", "
        "\"a/b~c\": \"two\\nlines\\n\"}], \"empty\": {}, \"none\": null}";
    struct err err = {0};
    struct node *a = node_read(&arena, json, strlen(json), &err);
    struct node *b = node_read(&arena, document, strlen(document), &err);
    T_CHECK(a && b && is_same(a, b));
    T_CHECK(!is_same(a, read_yaml("service: other")));
}

static void refused(void)
{
    static const struct {
        int line;
        const char *text;
        enum err_code code;
        const char *part;
    } rows[] = {
        {__LINE__, "a: &x 1\nb: *x", ERR_INPUT, "line 1, column 4: the anchor \"x\""},
        {__LINE__, "a: *x", ERR_INPUT, "the alias \"x\""},
        {__LINE__, "a: &x [1]", ERR_INPUT, "the anchor \"x\""},
        {__LINE__, "&x {a: 1}", ERR_INPUT, "the anchor \"x\""},
        {__LINE__, "a: !!str 1", ERR_INPUT, "the tag \"tag:yaml.org,2002:str\""},
        {__LINE__, "a: !x [1]", ERR_INPUT, "the tag \"!x\""},
        {__LINE__, "!x k: 1", ERR_INPUT, "the tag \"!x\""},
        {__LINE__, "a: 1\n---\nb: 2", ERR_INPUT, "line 2, column 1: several documents"},
        {__LINE__, "a: 1\nb: 2\na: 3", ERR_INPUT, "line 3, column 1: \"a\" stands twice"},
        {__LINE__, "x: {a: 1, \"a\": 2}", ERR_INPUT, "\"a\" stands twice"},
        {__LINE__, "x: 1\n[1, 2]: 3", ERR_INPUT, "a key must be a text"},
        {__LINE__, "?\n: 3", ERR_INPUT, "a key is missing"},
        {__LINE__, "a: \"\\0\"", ERR_INPUT, "NUL"},
        {__LINE__, "a: .inf", ERR_INPUT, ".inf is not a finite number"},
        {__LINE__, "a: -.INF", ERR_INPUT, "not a finite number"},
        {__LINE__, "a: .nan", ERR_INPUT, "not a finite number"},
        {__LINE__, "a: 1e999", ERR_INPUT, "1e999 is not a finite number"},
        {__LINE__, "a: [1, 2", ERR_INPUT, "line "},
        {__LINE__, "a: b: c", ERR_INPUT, "line 1, column 5: mapping values are not allowed"},
        {__LINE__, "a:\n\t- 1", ERR_INPUT, "line 2"},
        {__LINE__, "a: \xff", ERR_INPUT, "byte 3"},
        {__LINE__, "{\"a\": 1, \"a\": 2}", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "{\"a\": 1} x", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "{\"a\": \"\\u0000\"}", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "{\"a\": 1e999}", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "{\"a\": NaN}", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "{a: 1}", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "[1,]", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "{\"a\":", ERR_INPUT, "JSON: line 1"},
        {__LINE__, "[\"\xff\"]", ERR_INPUT, "JSON: line 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        char *exact = malloc(strlen(rows[i].text));
        memcpy(exact, rows[i].text, strlen(rows[i].text));
        if (node_read(&arena, exact, strlen(rows[i].text), &err))
            t_fail(__FILE__, rows[i].line, "%s was taken", rows[i].text);
        else if (err.code != rows[i].code || !strstr(err.message, rows[i].part))
            t_fail(__FILE__, rows[i].line, "%s: code %d, \"%s\" lacks \"%s\"", rows[i].text,
                   (int)err.code, err.message, rows[i].part);
        free(exact);
    }
}

/* `depth` nested containers, as JSON or YAML. */
static int read_nested(int depth, const char *open, const char *close, struct err *err)
{
    struct buf text;
    struct node *n;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < depth; i++)
        buf_add_str(&text, open);
    buf_add_str(&text, "1");
    for (int i = 0; i < depth; i++)
        buf_add_str(&text, close);
    n = node_read(&arena, text.data, text.len, err);
    if (n) {
        /* what can be read can be printed */
        struct buf out;
        buf_init(&out, 1 << 20);
        node_to_json(n, &out);
        node_to_yaml(n, &out);
        if (!buf_ok(&out))
            t_fail(__FILE__, __LINE__, "depth %d does not fit", depth);
        buf_release(&out);
    }
    buf_release(&text);
    return n ? 0 : -1;
}

static void depth_is_limited(void)
{
    static const struct {
        const char *open, *close;
    } rows[] = {{"[", "]"}, {"{\"a\":", "}"}, {"- ", ""}, {"? ", ""}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        bool is_key = rows[i].open[0] == '?'; /* keys that are objects: refused at any depth */
        T_EQ_INT(read_nested(NODE_DEPTH_MAX, rows[i].open, rows[i].close, &err), is_key ? -1 : 0);
        T_EQ_INT(read_nested(NODE_DEPTH_MAX + 1, rows[i].open, rows[i].close, &err), -1);
        T_EQ_INT(err.code, is_key ? ERR_INPUT : ERR_TOO_LARGE);
        T_EQ_INT(read_nested(100000, rows[i].open, rows[i].close, &err), -1);
    }
}

static int read_many(const char *first, const char *item, int n, const char *last, struct err *err)
{
    struct buf text;
    struct node *root;
    buf_init(&text, 1 << 24);
    buf_add_str(&text, first);
    for (int i = 0; i < n; i++)
        buf_addf(&text, item, i);
    buf_add_str(&text, last);
    root = node_read(&arena, text.data, text.len, err);
    buf_release(&text);
    return root ? 0 : -1;
}

static void count_is_limited(void)
{
    struct err err = {0};
    T_OK(read_many("[0", ",%d", NODE_COUNT_MAX - 2, "]", &err), err);
    T_EQ_INT(read_many("[0", ",%d", NODE_COUNT_MAX - 1, "]", &err), -1);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    T_OK(read_many("", "key%d: 1\n", NODE_COUNT_MAX - 1, "", &err), err);
    T_EQ_INT(read_many("", "key%d: 1\n", NODE_COUNT_MAX, "", &err), -1);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    T_HAS_STR(err.message, "line 20000, column ");
}

static void yaml_out(void)
{
    struct buf out;
    buf_init(&out, 1000);
    node_to_yaml(read_yaml(document), &out);
    T_EQ_STR(out.data, "service: checkout\n"
                       "steps:\n"
                       "  - 1\n"
                       "  - 5\n"
                       "  - 25\n"
                       "metrics:\n"
                       "  - name: errors\n"
                       "    margin:\n"
                       "      relative: 50%\n"
                       "      absolute: 0.5%\n"
                       "  - name: latency\n"
                       "    \"a/b~c\": \"two\\nlines\\n\"\n"
                       "empty: {}\n"
                       "none: null\n");
    buf_clear(&out);
    node_to_yaml(read_yaml("[[1, [x, {}]], [{a: b}], []]"), &out);
    T_EQ_STR(out.data, "- - 1\n"
                       "  - - x\n"
                       "    - {}\n"
                       "- - a: b\n"
                       "- []\n");
    buf_clear(&out);
    node_to_yaml(read_yaml("'12'"), &out);
    T_EQ_STR(out.data, "\"12\"\n");
    buf_release(&out);
}

/* Texts that YAML could take for something else, as values and as keys. */
static void yaml_comes_back(void)
{
    static const char *const texts[] = {
        "",
        " ",
        "x",
        "x ",
        " x",
        "null",
        "~",
        "true",
        "yes",
        "No",
        "on",
        "y",
        "12",
        "1e3",
        "0x1f",
        "1e999",
        ".inf",
        "-",
        "- a",
        "a: b",
        "a:",
        ":",
        "a #b",
        "#",
        "{}",
        "[]",
        "{a",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "%TAG",
        "@",
        "`",
        "'q'",
        "\"q\"",
        "back\\slash",
        "tab\tx",
        "two\nlines",
        "\n",
        "\r\n",
        "--- x",
        "...",
        "2026-11-23",
        "2026-11-23T10:15:00Z",
        "12:30:45",
        "1_000",
        "30s",
        "50%",
        "http://127.0.0.1:8700/x?y=1&z",
        "127.0.0.1:8125",
        "a/b",
        "\xc3\xa4",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xe2\x80\xa9",
        "\xef\xbb\xbf",
        "x\xef\xbb\xbf",
        "\xf0\x9f\x98\x80",
        "\x01",
        "\x7f",
        "\xc2\x80",
        "\xef\xbf\xbe",
        "? q",
        "=",
        "<<",
        "0",
        "-0",
        "+1",
        "_",
        "/",
        ".",
        "a,b",
        "a]",
        "key with spaces",
    };
    char long_text[3000];
    struct buf json, yaml;
    struct err err = {0};
    struct node *a, *b;
    buf_init(&json, 1 << 20);
    buf_init(&yaml, 1 << 20);
    memset(long_text, 'k', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    for (size_t i = 0; i <= ARRAY_LEN(texts); i++) {
        const char *text = i < ARRAY_LEN(texts) ? texts[i] : long_text;
        struct node leaf = {.type = NODE_STRING, .text = text, .text_len = strlen(text)};
        struct node named = {
            .type = NODE_STRING, .key = text, .text = text, .text_len = strlen(text)};
        struct node object = {.type = NODE_OBJECT, .first = &named, .len = 1};
        struct node list = {.type = NODE_ARRAY, .first = &leaf, .len = 2};
        named.parent = &object;
        leaf.parent = object.parent = &list;
        leaf.next = &object;
        buf_clear(&yaml);
        node_to_yaml(&list, &yaml);
        b = node_read_yaml(&arena, yaml.data, yaml.len, &err);
        if (!b)
            t_fail(__FILE__, __LINE__, "row %zu: %s in %s", i, err.message, yaml.data);
        else if (!is_same(&list, b))
            t_fail(__FILE__, __LINE__, "row %zu comes back changed: %s", i, yaml.data);
        buf_clear(&json);
        node_to_json(&list, &json);
        a = node_read_json(&arena, json.data, json.len, &err);
        if (!a || !is_same(&list, a))
            t_fail(__FILE__, __LINE__, "row %zu comes back changed from JSON: %s", i, json.data);
    }
    buf_release(&json);
    buf_release(&yaml);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"scalars", scalars},
        {"a tree", a_tree},
        {"json tree", json_tree},
        {"yaml and json agree", yaml_and_json_agree},
        {"refused", refused},
        {"depth is limited", depth_is_limited},
        {"count is limited", count_is_limited},
        {"yaml out", yaml_out},
        {"yaml comes back", yaml_comes_back},
    };
    int rc;
    arena_init(&arena);
    rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
