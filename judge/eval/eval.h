/*
 * Known answers: every method of stats/ asked by name, with numbers from a file.
 *
 * `judgectl eval FILE` reads a file of cases and prints one JSON line a case. The file is
 * {cases: [...]}, or an array of cases; a case is an object, in most files {params, input, ...}.
 * Which method is meant is told by the file's name (`r_t_test.json`, `r_t_test-more.json`): the
 * longest method name that it begins with. What is in a case's `expected` is never looked at.
 *
 * A method is one adapter from a case to `got`; a school of methods is one file,
 * judge/eval/eval_SCHOOL.c, with a table that ends with a row without name, and one line in
 * schools.c. Adapters only read and write: the mathematics is in stats/.
 */
#ifndef JUDGE_EVAL_EVAL_H
#define JUDGE_EVAL_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/node.h"
#include "lib/base/writer.h"

#define EVAL_NODES_MAX ((size_t)4 << 20)  /* values in one file */
#define EVAL_LINE_MAX  ((size_t)16 << 20) /* bytes of one answer */

struct eval_case {
    const struct node *whole;          /* the case as it stands in the file */
    const struct node *params, *input; /* its members of that name; NULL when it has none */
    struct arena *arena;               /* cleared after the case */
};

struct eval_method {
    const char *name; /* "r_t_test"; NULL ends a table */
    /* Writes exactly one JSON value, the case's `got`. -1 with err says what is wrong with the
     * case: then nothing of what was written is shown. */
    int (*run)(const struct eval_case *c, struct writer *got, struct err *err);
};

/* Every school's table; ends with NULL. */
extern const struct eval_method *const eval_schools[];

/* The method a file of this path (or a method of this very name) asks for, or NULL. */
const struct eval_method *eval_find(const char *path);

/*
 * All cases of `file` (as node_read_json_data gives it). `line` is called with each answer,
 * {"case": i, "got": ...} or {"case": i, "error": "..."}, without a newline. Returns the number of
 * cases that ended with an error, or -1 with err when the file holds no cases.
 */
int eval_file(const struct eval_method *method, const struct node *file,
              void (*line)(void *to, const char *json, size_t len), void *to,
              struct err *err) WARN_UNUSED;

/* ---- reading a case (read.c): what is missing or of another type is named in err ---- */

/* A number; "inf", "-inf" and "nan" (any case) stand for those values, null for NaN. */
int eval_number(const struct node *object, const char *key, double *out,
                struct err *err) WARN_UNUSED;
/* The same, `dflt` when the object has no such member or it is null. */
int eval_number_or(const struct node *object, const char *key, double dflt, double *out,
                   struct err *err) WARN_UNUSED;
int eval_text(const struct node *object, const char *key, const char **out,
              struct err *err) WARN_UNUSED;
int eval_bool(const struct node *object, const char *key, bool *out, struct err *err) WARN_UNUSED;
/* An array of numbers (one number is an array of one), in the case's arena. */
int eval_numbers(const struct eval_case *c, const struct node *object, const char *key,
                 const double **out, size_t *n, struct err *err) WARN_UNUSED;
/* A text as its place in `words` (an array of n). */
int eval_choice(const struct node *object, const char *key, const char *const *words, size_t n,
                int *out, struct err *err) WARN_UNUSED;

/* ---- writing ---- */

/* A number; infinities as "inf" and "-inf", NaN as null. */
void eval_put(struct writer *w, double v);
void eval_put_kv(struct writer *w, const char *key, double v);
/* [low, high] */
void eval_put_pair(struct writer *w, const char *key, double low, double high);
void eval_put_array(struct writer *w, const char *key, const double *v, size_t n);

#endif
