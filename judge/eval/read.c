/* Reading a case's members and writing its answer, with the files' conventions for numbers that
 * JSON has no words for. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "judge/eval/eval.h"

static bool number_of(const struct node *n, double *out)
{
    switch (n->type) {
    case NODE_NUMBER:
        *out = n->number;
        return true;
    case NODE_NULL:
        *out = NAN;
        return true;
    case NODE_STRING:
        if (strcasecmp(n->text, "inf") == 0 || strcasecmp(n->text, "infinity") == 0)
            *out = INFINITY;
        else if (strcasecmp(n->text, "-inf") == 0 || strcasecmp(n->text, "-infinity") == 0)
            *out = -INFINITY;
        else if (strcasecmp(n->text, "nan") == 0)
            *out = NAN;
        else
            return false;
        return true;
    default:
        return false;
    }
}

static int missing(struct err *err, const char *key, const char *what)
{
    return err_set(err, ERR_INPUT, "no `%s`: want %s", key, what);
}

static int wrong(struct err *err, const struct node *n, const char *what)
{
    return err_set(err, ERR_INPUT, "`%s` is a %s: want %s", n->key ? n->key : "item",
                   node_type_name(n->type), what);
}

int eval_number(const struct node *object, const char *key, double *out, struct err *err)
{
    const struct node *n = node_get(object, key);
    if (!n)
        return missing(err, key, "a number");
    return number_of(n, out) ? 0 : wrong(err, n, "a number, \"inf\", \"-inf\" or null");
}

int eval_number_or(const struct node *object, const char *key, double dflt, double *out,
                   struct err *err)
{
    const struct node *n = node_get(object, key);
    *out = dflt;
    if (!n || n->type == NODE_NULL)
        return 0;
    return number_of(n, out) ? 0 : wrong(err, n, "a number, \"inf\", \"-inf\" or null");
}

int eval_text(const struct node *object, const char *key, const char **out, struct err *err)
{
    const struct node *n = node_get(object, key);
    if (!n)
        return missing(err, key, "a text");
    if (n->type != NODE_STRING)
        return wrong(err, n, "a text");
    *out = n->text;
    return 0;
}

int eval_bool(const struct node *object, const char *key, bool *out, struct err *err)
{
    const struct node *n = node_get(object, key);
    if (!n)
        return missing(err, key, "true or false");
    if (n->type != NODE_BOOL)
        return wrong(err, n, "true or false");
    *out = n->boolean;
    return 0;
}

int eval_numbers(const struct eval_case *c, const struct node *object, const char *key,
                 const double **out, size_t *n, struct err *err)
{
    const struct node *list = node_get(object, key);
    double *v;
    if (!list)
        return missing(err, key, "an array of numbers");
    v = arena_array(c->arena, list->type == NODE_ARRAY && list->len ? list->len : 1, sizeof(*v));
    *out = v;
    *n = 1;
    if (list->type == NODE_NUMBER) { /* R writes a vector of one as a number */
        v[0] = list->number;
        return 0;
    }
    if (list->type != NODE_ARRAY)
        return wrong(err, list, "an array of numbers");
    for (const struct node *item = list->first; item; item = item->next)
        if (!number_of(item, &v[item->index]))
            return err_set(err, ERR_INPUT, "`%s`[%zu] is a %s: want a number", key, item->index,
                           node_type_name(item->type));
    *n = list->len;
    return 0;
}

int eval_choice(const struct node *object, const char *key, const char *const *words, size_t n,
                int *out, struct err *err)
{
    const char *text = "";
    if (eval_text(object, key, &text, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], text) == 0) {
            *out = (int)i;
            return 0;
        }
    return err_set(err, ERR_INPUT, "`%s` is \"%.40s\": want \"%s\"%s", key, text, words[0],
                   n > 1 ? " or another word of that list" : "");
}

void eval_put(struct writer *w, double v)
{
    if (isinf(v))
        writer_string(w, v > 0 ? "inf" : "-inf");
    else
        writer_number(w, v);
}

void eval_put_kv(struct writer *w, const char *key, double v)
{
    writer_key(w, key);
    eval_put(w, v);
}

void eval_put_pair(struct writer *w, const char *key, double low, double high)
{
    const double pair[] = {low, high};
    eval_put_array(w, key, pair, 2);
}

void eval_put_array(struct writer *w, const char *key, const double *v, size_t n)
{
    writer_kv_array(w, key);
    for (size_t i = 0; i < n; i++)
        eval_put(w, v[i]);
    writer_end(w);
}
