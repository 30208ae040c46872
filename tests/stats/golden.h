/* Reading tests/golden/stats: every case of a file, with the tolerance the file states. */
#ifndef TESTS_STATS_GOLDEN_H
#define TESTS_STATS_GOLDEN_H

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/t.h"

struct golden_case {
    int index;
    json_t *params, *input, *expected, *tol;
};

static inline double golden_number(json_t *object, const char *key)
{
    json_t *v = json_object_get(object, key);
    if (json_is_string(v))
        return !strcmp(json_string_value(v), "inf")    ? INFINITY
               : !strcmp(json_string_value(v), "-inf") ? -INFINITY
                                                       : NAN;
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static inline const char *golden_text(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Holds `got` against expected[key]; says which case when it differs. */
static inline void golden_check(const struct golden_case *c, const char *key, double got)
{
    double want = golden_number(c->expected, key);
    double rel = json_number_value(json_object_get(c->tol, "rel"));
    double abs_ = json_number_value(json_object_get(c->tol, "abs"));
    double off = fabs(got - want);
    if (!(got == want || off <= abs_ || off <= rel * fabs(want)))
        t_fail(__FILE__, __LINE__, "case %d: %s is %.17g, want %.17g", c->index, key, got, want);
}

/* Calls `check` for each case; it returns whether the case was its own. Fails below `least` of
 * those. */
static inline void golden_each(const char *name, int least,
                               bool (*check)(const struct golden_case *))
{
    char path[200];
    json_error_t err;
    json_t *file, *cases, *one;
    size_t i;
    int taken = 0;
    snprintf(path, sizeof(path), "tests/golden/stats/%s.json", name);
    file = json_load_file(path, 0, &err);
    if (!file) {
        t_fail(__FILE__, __LINE__, "%s: %s (run from the root of the tree)", path, err.text);
        return;
    }
    cases = json_object_get(file, "cases");
    json_array_foreach(cases, i, one)
    {
        struct golden_case c = {.index = (int)i,
                                .params = json_object_get(one, "params"),
                                .input = json_object_get(one, "input"),
                                .expected = json_object_get(one, "expected"),
                                .tol = json_object_get(one, "tol")};
        taken += check(&c);
    }
    if (taken < least)
        t_fail(__FILE__, __LINE__, "%s: only %d cases, want %d", path, taken, least);
    json_decref(file);
}

#endif
