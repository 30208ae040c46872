/*
 * The JSON Schema, read by a small validator of the keywords we write (any other is a failure):
 * what spec_read takes, the schema takes; what no table would take, the schema refuses too.
 */
#include "judge/vocabulary/vocabulary.h"

#include <regex.h>
#include <stdio.h>

#include "lib/model/spec.h"
#include "tests/t.h"

#define SCHEMA_MAX (256 * 1024)

struct validator {
    const struct node *root;
    const char *unknown; /* a keyword we do not know */
};

static bool is_valid(struct validator *v, const struct node *schema, const struct node *n);

static bool has_type(const struct node *n, const char *type)
{
    if (strcmp(type, "integer") == 0)
        return n->type == NODE_NUMBER && n->number == floor(n->number);
    if (strcmp(type, "boolean") == 0)
        return n->type == NODE_BOOL;
    return strcmp(type, n->type == NODE_OBJECT   ? "object"
                        : n->type == NODE_ARRAY  ? "array"
                        : n->type == NODE_STRING ? "string"
                        : n->type == NODE_NUMBER ? "number"
                                                 : "null") == 0;
}

static bool matches(const char *pattern, const char *text)
{
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        t_fail(__FILE__, __LINE__, "bad pattern %s", pattern);
        return false;
    }
    bool match = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return match;
}

static bool is_one_of(const struct node *list, const struct node *n)
{
    for (const struct node *i = list->first; i; i = i->next)
        if (n->type == NODE_STRING && strcmp(i->text, n->text) == 0)
            return true;
    return false;
}

static size_t count_valid(struct validator *v, const struct node *list, const struct node *n)
{
    size_t valid = 0;
    for (const struct node *i = list->first; i; i = i->next)
        valid += is_valid(v, i, n);
    return valid;
}

static const struct node *resolve(const struct validator *v, const char *ref)
{
    const char *name = strrchr(ref, '/') + 1;
    return node_get(node_get(v->root, "$defs"), name);
}

static bool members_valid(struct validator *v, const struct node *schema, const struct node *n)
{
    const struct node *properties = node_get(schema, "properties");
    const struct node *others = node_get(schema, "additionalProperties");
    for (const struct node *i = n->first; n->type == NODE_OBJECT && i; i = i->next) {
        const struct node *own = node_get(properties, i->key);
        if (own ? !is_valid(v, own, i)
                : others &&
                      (others->type == NODE_BOOL ? !others->boolean : !is_valid(v, others, i)))
            return false;
    }
    return true;
}

static bool required_there(const struct node *list, const struct node *n)
{
    for (const struct node *i = list->first; i; i = i->next)
        if (n->type == NODE_OBJECT && !node_get(n, i->text))
            return false;
    return true;
}

static bool items_valid(struct validator *v, const struct node *items, const struct node *n)
{
    for (const struct node *i = n->first; n->type == NODE_ARRAY && i; i = i->next)
        if (!is_valid(v, items, i))
            return false;
    return true;
}

/* Bounds hold for values of their type and say nothing about others, as the standard has it. */
static bool bound_holds(const struct node *k, const struct node *n, bool *is_bound)
{
    const struct {
        const char *key;
        enum node_type type;
        double value;
        bool is_max;
    } bounds[] = {
        {"minimum", NODE_NUMBER, n->number, false},
        {"maximum", NODE_NUMBER, n->number, true},
        {"minLength", NODE_STRING, (double)n->text_len, false},
        {"maxLength", NODE_STRING, (double)n->text_len, true},
        {"minItems", NODE_ARRAY, (double)n->len, false},
        {"maxItems", NODE_ARRAY, (double)n->len, true},
        {"minProperties", NODE_OBJECT, (double)n->len, false},
        {"maxProperties", NODE_OBJECT, (double)n->len, true},
    };
    *is_bound = false;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (strcmp(bounds[i].key, k->key) != 0)
            continue;
        *is_bound = true;
        if (n->type == bounds[i].type)
            return bounds[i].is_max ? bounds[i].value <= k->number : bounds[i].value >= k->number;
    }
    return true;
}

static bool keyword_holds(struct validator *v, const struct node *schema, const struct node *k,
                          const struct node *n)
{
    static const char *const notes[] = {"description", "title",      "$schema",
                                        "$defs",       "properties", "additionalProperties"};
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
        if (strcmp(k->key, notes[i]) == 0)
            return true; /* said, or looked at in members_valid() */
    bool is_bound;
    bool holds = bound_holds(k, n, &is_bound);
    if (is_bound)
        return holds;
    if (strcmp(k->key, "type") == 0)
        return has_type(n, k->text);
    if (strcmp(k->key, "const") == 0)
        return n->type == NODE_STRING && strcmp(n->text, k->text) == 0;
    if (strcmp(k->key, "enum") == 0)
        return is_one_of(k, n);
    if (strcmp(k->key, "pattern") == 0)
        return n->type != NODE_STRING || matches(k->text, n->text);
    if (strcmp(k->key, "required") == 0)
        return required_there(k, n);
    if (strcmp(k->key, "items") == 0)
        return items_valid(v, k, n);
    if (strcmp(k->key, "anyOf") == 0)
        return count_valid(v, k, n) > 0;
    if (strcmp(k->key, "oneOf") == 0)
        return count_valid(v, k, n) == 1;
    if (strcmp(k->key, "$ref") == 0)
        return is_valid(v, resolve(v, k->text), n);
    v->unknown = k->key;
    return false;
}

static bool is_valid(struct validator *v, const struct node *schema, const struct node *n)
{
    if (!schema) {
        v->unknown = "a $ref to nothing";
        return false;
    }
    for (const struct node *k = schema->first; k; k = k->next)
        if (!keyword_holds(v, schema, k, n))
            return false;
    return members_valid(v, schema, n);
}

static bool schema_takes(const char *spec_text)
{
    struct arena a;
    struct err err = {0};
    struct buf schema;
    arena_init(&a);
    buf_init(&schema, SCHEMA_MAX);
    spec_schema(vocabulary_all(), &schema);
    struct validator v = {.root = node_read_json(&a, schema.data, schema.len, &err)};
    const struct node *n = node_read(&a, spec_text, strlen(spec_text), &err);
    bool takes = false;
    if (!v.root || !n)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    else
        takes = is_valid(&v, v.root, n);
    if (v.unknown)
        t_fail(__FILE__, __LINE__, "keyword %s", v.unknown);
    buf_release(&schema);
    arena_release(&a);
    return takes;
}

#define HEAD                                                                                       \
    "apiVersion: judge/v1\nkind: Release\nmetadata: {name: r, service: s}\n"                       \
    "strategy:\n  type: canary\n  steps: [5%, {share: 0.5, min_time: 5m}, 100%]\n"
#define PLATFORM "  platform: {kind: none}\n"
#define METRIC                                                                                     \
    "metrics:\n  - {name: e, kind: proportion, margin: {relative: 50%}, source: {push: {metric: "  \
    "a, of: b}}}\n"

static void takes_what_spec_read_takes(void)
{
    struct arena a;
    struct err err = {0};
    struct spec spec;
    struct spec_options options = {vocabulary_all(), true};
    static const char *const specs[] = {
        HEAD PLATFORM METRIC,
        HEAD "  platform: {kind: haproxy, socket: /run/h.sock, backend: b, stable: s, candidate: "
             "c}\n" METRIC,
        HEAD "  platform: {kind: webhook, connection: r, secret_ref: k}\n  bake: 0\n" METRIC
             "policy: {alpha: 0.5%, deadline: 1d12h}\nnotify: [{to: chat, on: [hold]}]\n",
    };
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        arena_init(&a);
        struct node *n = node_read(&a, specs[i], strlen(specs[i]), &err);
        T_CHECK(n);
        T_OK(spec_read(&spec, n, &options, NULL, &a, &err), err);
        T_CHECK(schema_takes(spec.canonical));
        arena_release(&a);
    }
    /* As written, where JSON and YAML agree about the values. */
    T_CHECK(schema_takes("{\"apiVersion\":\"judge/v1\",\"kind\":\"Release\",\"metadata\":{\"name\":"
                         "\"r\",\"service\":\"s\"},\"strategy\":{\"type\":\"canary\",\"steps\":"
                         "[\"5%\",1],\"platform\":{\"kind\":\"none\"}},\"metrics\":[{\"name\":"
                         "\"e\",\"kind\":\"rate\",\"margin\":\"50%\",\"source\":{\"push\":"
                         "{\"metric\":\"a\",\"of\":\"b\"}}}]}"));
}

static void refuses_what_no_table_takes(void)
{
    static const struct {
        int line;
        const char *text;
    } cases[] = {
        {__LINE__, "{}"},
        {__LINE__, HEAD METRIC},
        {__LINE__, HEAD PLATFORM METRIC "colour: red\n"},
        {__LINE__, HEAD "  platform: {kind: none, backend: b}\n" METRIC},
        {__LINE__, HEAD "  platform: {kind: alb}\n" METRIC},
        {__LINE__,
         HEAD "  platform: {kind: haproxy, backend: b, stable: s, candidate: c}\n" METRIC},
        {__LINE__, HEAD "  platform: {kind: haproxy, connection: c, socket: /s, backend: b, "
                        "stable: s, candidate: c}\n" METRIC},
        {__LINE__, HEAD PLATFORM "  settle: 5 seconds\n" METRIC},
        {__LINE__, HEAD PLATFORM METRIC "policy: {alpha: 1}\n"},
        {__LINE__, HEAD PLATFORM METRIC "policy: {min_blocks: 20.5}\n"},
        {__LINE__, HEAD PLATFORM METRIC "policy: {method: bayesian}\n"},
        {__LINE__, HEAD PLATFORM METRIC "notify: [{to: x, on: [continue]}]\n"},
        {__LINE__, HEAD PLATFORM "metrics: []\n"},
        {__LINE__,
         HEAD PLATFORM "metrics: [{name: e, kind: median, source: {push: {metric: a}}}]\n"},
        {__LINE__, HEAD PLATFORM "metrics: [{name: e, kind: rate, source: {}}]\n"},
        {__LINE__, HEAD PLATFORM "metrics: [{name: e, kind: rate, margin: {}, source: {push: "
                                 "{metric: a, of: b}}}]\n"},
        {__LINE__, HEAD PLATFORM "metrics: [{name: e, kind: rate, source: {pull: {metric: a}}}]\n"},
        {__LINE__, HEAD PLATFORM "metrics: [{name: e, kind: rate, source: {push: {metric: a}, "
                                 "scrape: {}}}]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (schema_takes(cases[i].text))
            t_fail(__FILE__, cases[i].line, "taken");
    T_CHECK(schema_takes(HEAD PLATFORM METRIC)); /* so the others fail for their own reason */
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"takes_what_spec_read_takes", takes_what_spec_read_takes},
        {"refuses_what_no_table_takes", refuses_what_no_table_takes},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
