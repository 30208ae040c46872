#include "judge/eval/eval.h"

#include <string.h>

#include "stats/numerics/setup.h"

const struct eval_method *eval_find(const char *path)
{
    const struct eval_method *best = NULL;
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t longest = 0;
    for (size_t s = 0; eval_schools[s]; s++)
        for (const struct eval_method *m = eval_schools[s]; m->name; m++) {
            size_t len = strlen(m->name);
            if (len > longest && strncmp(base, m->name, len) == 0) {
                best = m;
                longest = len;
            }
        }
    return best;
}

/* True when the case was answered. */
static bool eval_one(const struct eval_method *method, const struct eval_case *c, size_t index,
                     struct buf *out)
{
    struct err err = {0};
    struct writer w;
    buf_clear(out);
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_int(&w, "case", (int64_t)index);
    writer_key(&w, "got");
    if (method->run(c, &w, &err) == 0 && buf_ok(out)) {
        writer_end(&w);
        return true;
    }
    if (err.code == ERR_NONE)
        err_set(&err, ERR_TOO_LARGE, "the answer is over %zu bytes", EVAL_LINE_MAX);
    buf_clear(out);
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_int(&w, "case", (int64_t)index);
    writer_kv_string(&w, "error", err.message);
    writer_end(&w);
    return false;
}

int eval_file(const struct eval_method *method, const struct node *file,
              void (*line)(void *to, const char *json, size_t len), void *to, struct err *err)
{
    const struct node *cases = file->type == NODE_ARRAY ? file : node_get(file, "cases");
    struct arena arena;
    struct buf out;
    size_t index = 0;
    int failed = 0;
    if (!cases || cases->type != NODE_ARRAY)
        return err_set(err, ERR_INPUT, "no cases: want {\"cases\": [...]} or an array of cases");
    stats_setup();
    arena_init(&arena);
    buf_init(&out, EVAL_LINE_MAX);
    for (const struct node *one = cases->first; one; one = one->next, index++) {
        const struct eval_case c = {
            .whole = one,
            .params = node_get(one, "params"),
            .input = node_get(one, "input"),
            .arena = &arena,
        };
        arena_clear(&arena);
        failed += !eval_one(method, &c, index, &out);
        line(to, out.data, out.len);
    }
    buf_release(&out);
    arena_release(&arena);
    return failed;
}
