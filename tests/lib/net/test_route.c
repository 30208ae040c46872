#include "lib/net/route.h"

#include "tests/t.h"

static enum http_next nothing(struct http_exchange *ex)
{
    return HTTP_DONE;
}

#define ROW(m, p)                                                                                  \
    {                                                                                              \
        .method = m, .pattern = p, .handler = nothing                                              \
    }
static const struct route first[] = {
    ROW("GET", "/"),
    ROW("GET", "/v1/releases"),
    ROW("POST", "/v1/releases"),
    ROW("GET", "/v1/releases/{id}"),
    ROW("GET", "/v1/releases/{id}/verdict"),
    ROW("POST", "/v1/releases/{id}/promote"),
};
static const struct route second[] = {
    ROW("GET", "/v1/releases/special"),
    ROW("GET", "/assets/{path...}"),
    ROW("GET", "/assets/one"),
    ROW("PUT", "/v1/{kind}/{id}/x"),
};
static int context_of_second;
static const struct route_table tables[] = {
    {first, ARRAY_LEN(first), NULL},
    {second, ARRAY_LEN(second), &context_of_second},
};

static const struct {
    int line;
    const char *method, *path;
    enum err_code code;
    const char *pattern; /* of the route found */
    const char *param;   /* the last parameter's value */
} cases[] = {
    {__LINE__, "GET", "/", ERR_NONE, "/", NULL},
    {__LINE__, "HEAD", "/", ERR_NONE, "/", NULL},
    {__LINE__, "POST", "/", ERR_METHOD, NULL, NULL},
    {__LINE__, "GET", "", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "*", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "v1/releases", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "/v1/releases", ERR_NONE, "/v1/releases", NULL},
    {__LINE__, "GET", "/v1/releases/", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "//v1/releases", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "/v1/releasesx", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "/v1/releases/r1", ERR_NONE, "/v1/releases/{id}", "r1"},
    {__LINE__, "GET", "/v1/releases/special", ERR_NONE, "/v1/releases/special", NULL},
    {__LINE__, "GET", "/v1/releases/special/verdict", ERR_NONE, "/v1/releases/{id}/verdict",
     "special"},
    {__LINE__, "PUT", "/v1/releases/r1/x", ERR_NONE, "/v1/{kind}/{id}/x", "r1"},
    {__LINE__, "GET", "/v1/releases/a%2fb", ERR_NONE, "/v1/releases/{id}", "a%2fb"},
    {__LINE__, "GET", "/v1/releases/r1/promote", ERR_METHOD, NULL, NULL},
    {__LINE__, "DELETE", "/v1/releases", ERR_METHOD, NULL, NULL},
    {__LINE__, "GET", "/assets/one", ERR_NONE, "/assets/one", NULL},
    {__LINE__, "GET", "/assets/a/b.css", ERR_NONE, "/assets/{path...}", "a/b.css"},
    {__LINE__, "GET", "/assets/", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "/assets", ERR_NOT_FOUND, NULL, NULL},
    {__LINE__, "GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", ERR_NOT_FOUND, NULL, NULL},
};

static void finds_the_most_specific(void)
{
    struct route_index *index = route_index_new(tables, ARRAY_LEN(tables));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_match m = {0};
        enum err_code code =
            route_find(index, cases[i].method, cases[i].path, strlen(cases[i].path), &m);
        if (code != cases[i].code) {
            t_fail(__FILE__, cases[i].line, "code %d", code);
            continue;
        }
        if (code != ERR_NONE)
            continue;
        if (strcmp(m.route->pattern, cases[i].pattern) != 0)
            t_fail(__FILE__, cases[i].line, "found %s", m.route->pattern);
        if (cases[i].param) {
            const struct route_param_slice *p = &m.params[m.param_count - 1];
            if (p->value_len != strlen(cases[i].param) ||
                memcmp(p->value, cases[i].param, p->value_len) != 0)
                t_fail(__FILE__, cases[i].line, "%.*s", (int)p->value_len, p->value);
        }
        bool is_second = m.route >= second && m.route < second + ARRAY_LEN(second);
        if (m.context != (is_second ? &context_of_second : NULL))
            t_fail(__FILE__, cases[i].line, "wrong context");
    }
    route_index_free(index);
}

static void names_the_methods_of_a_path(void)
{
    struct route_index *index = route_index_new(tables, ARRAY_LEN(tables));
    struct buf out;
    buf_init(&out, 256);
    route_allowed(index, "/v1/releases", 12, &out);
    T_EQ_STR(out.data, "GET, HEAD, POST");
    buf_clear(&out);
    route_allowed(index, "/assets/one", 11, &out);
    T_EQ_STR(out.data, "GET, HEAD");
    buf_clear(&out);
    route_allowed(index, "/none", 5, &out);
    T_EQ_STR(out.data, "");
    buf_release(&out);
    route_index_free(index);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"finds_the_most_specific", finds_the_most_specific},
        {"names_the_methods_of_a_path", names_the_methods_of_a_path},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
