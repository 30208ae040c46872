/*
 * diff SPEC [RELEASE]: what a spec says otherwise than the release of its name, or than the newest
 * one of its service and environment. Both are compared in canonical form, with every default
 * written out, so only what would make a difference is shown.
 */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "lib/base/writer.h"

struct leaf {
    const char *path, *text;
};
struct leaves {
    struct leaf *items;
    size_t n;
};

/* "metrics[errors].margin.relative": an element that has a name is called by it, so that another
 * order is no difference. */
static const char *path_of(const struct node *n, const struct node *root, struct arena *a)
{
    const char *path = "";
    for (; n != root; n = n->parent) {
        const bool is_element = n->parent->type == NODE_ARRAY;
        const char *name = is_element ? node_get_string(n, "name") : NULL;
        const char *dot = *path && *path != '[' ? "." : "";
        if (!is_element)
            path = arena_printf(a, "%s%s%s", n->key, dot, path);
        else if (name)
            path = arena_printf(a, "[%s]%s%s", name, dot, path);
        else
            path = arena_printf(a, "[%zu]%s%s", n->index, dot, path);
    }
    return path;
}

static const char *quoted(const char *text, struct arena *a)
{
    struct buf out;
    struct writer w;
    buf_init(&out, 1 << 20);
    writer_init(&w, &out);
    writer_string(&w, text);
    const char *kept = arena_copy(a, out.data, out.len);
    buf_release(&out);
    return kept;
}

/* All scalars, and objects and arrays that are empty, in order. */
static struct leaves leaves_of(const struct node *root, struct arena *a)
{
    struct leaves l = {arena_array(a, NODE_COUNT_MAX, sizeof(struct leaf)), 0};
    const struct node *n = root;
    while (n) {
        if (n->first) {
            n = n->first;
            continue;
        }
        const char *text = n->type == NODE_OBJECT   ? "{}"
                           : n->type == NODE_ARRAY  ? "[]"
                           : n->type == NODE_STRING ? quoted(n->text, a)
                                                    : n->text;
        if (l.n < NODE_COUNT_MAX)
            l.items[l.n++] = (struct leaf){path_of(n, root, a), text};
        while (n != root && !n->next)
            n = n->parent;
        n = n == root ? NULL : n->next;
    }
    return l;
}

static const struct leaf *leaf_find(const struct leaves *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].path, path) == 0)
            return &l->items[i];
    return NULL;
}

struct difference {
    const char *path, *was, *is; /* NULL: not there */
};

/* What names the release itself is no difference. */
static bool is_own(const char *path)
{
    return strcmp(path, "metadata.name") == 0 || strcmp(path, "metadata.revision") == 0;
}

static size_t compare(const struct leaves *from, const struct leaves *to, struct difference *out)
{
    size_t n = 0;
    for (size_t i = 0; i < from->n; i++) {
        const struct leaf *was = &from->items[i], *is = leaf_find(to, was->path);
        if (!is_own(was->path) && !(is && strcmp(was->text, is->text) == 0))
            out[n++] = (struct difference){was->path, was->text, is ? is->text : NULL};
    }
    for (size_t i = 0; i < to->n; i++)
        if (!is_own(to->items[i].path) && !leaf_find(from, to->items[i].path))
            out[n++] = (struct difference){to->items[i].path, NULL, to->items[i].text};
    return n;
}

static void say(const char *release, const char *path, const struct difference *d, size_t n)
{
    printf("--- %s\n+++ %s\n", release, path);
    for (size_t i = 0; i < n; i++) {
        if (d[i].was)
            printf("- %s: %s\n", d[i].path, d[i].was);
        if (d[i].is)
            printf("+ %s: %s\n", d[i].path, d[i].is);
    }
    if (n == 0)
        printf("no difference\n");
}

static void value(struct writer *w, const char *key, const char *text)
{
    writer_key(w, key);
    if (text)
        writer_raw(w, text, strlen(text));
    else
        writer_null(w);
}

static void as_json(const char *release, const struct difference *d, size_t n, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "release", release);
    writer_kv_array(&w, "differences");
    for (size_t i = 0; i < n; i++) {
        writer_object(&w);
        writer_kv_string(&w, "field", d[i].path);
        value(&w, "was", d[i].was);
        value(&w, "is", d[i].is);
        writer_end(&w);
    }
    writer_end(&w);
    writer_end(&w);
}

/* The release to compare with: the one named, the one of the spec's name, or the service's newest.
 */
static int find_release(const struct flags *f, const char *named, const struct node *spec,
                        struct answer *answer, struct arena *a, struct err *err)
{
    const struct node *metadata = node_get(spec, "metadata");
    const char *name = ctl_text(metadata, "name"), *service = ctl_text(metadata, "service"),
               *environment = ctl_text(metadata, "environment");
    const char *wanted = named ? named : name;
    if (ctl_get(f, arena_printf(a, "/v1/releases/%s", ctl_encode(wanted, a)), answer, a, err) == 0)
        return 0;
    if (named || err->code != ERR_NOT_FOUND)
        return -1;
    const char *path = arena_printf(a, "/v1/releases?limit=1&service=%s&environment=%s",
                                    ctl_encode(service, a), ctl_encode(environment, a));
    if (ctl_get(f, path, answer, a, err) != 0)
        return -1;
    const struct node *list = node_get(answer->json, "releases");
    if (!list || !list->first)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no release `%s` and none of service %s in %s to compare with",
                       name, service, environment);
    return ctl_get(
        f, arena_printf(a, "/v1/releases/%s", ctl_encode(ctl_text(list->first, "release"), a)),
        answer, a, err);
}

static int diff(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer checked, release;
    const char *bytes;
    size_t len;
    if (ctl_read_file(args->values[0], &bytes, &len, a, &err) != 0)
        return ctl_fail(&err);
    const struct ask ask = {.method = "POST",
                            .path = "/v1/releases?dry_run=1",
                            .type = "application/yaml",
                            .body = bytes,
                            .body_len = len};
    if (ctl_ask(f, &ask, &checked, a, &err) != 0) {
        err_context(&err, "%s", args->values[0]);
        return ctl_fail(&err);
    }
    const struct node *spec = node_get(checked.json, "spec");
    if (find_release(f, args->n > 1 ? args->values[1] : NULL, spec, &release, a, &err) != 0)
        return ctl_fail(&err);
    const struct leaves from = leaves_of(node_get(release.json, "spec"), a),
                        to = leaves_of(spec, a);
    struct difference *d = arena_array(a, from.n + to.n, sizeof(*d));
    const size_t n = compare(&from, &to, d);
    const char *against = ctl_text(release.json, "release");
    struct buf json;
    buf_init(&json, 1 << 20);
    as_json(against, d, n, &json);
    if (!ctl_print_document(f, json.data, json.len, a))
        say(against, args->values[0], d, n);
    buf_release(&json);
    return 0;
}

static const struct option_row rows[] = {COMMON_ROWS};
const struct command diff_command = {
    "diff", "SPEC [RELEASE]", 1,   2, "what a spec says otherwise than a release",
    rows,   ARRAY_LEN(rows),  diff};
