/*
 * Specs against this build's real vocabulary: the examples we ship are taken, every file of the bad
 * corpus is refused with the complaints written beside it, and the docs hold what the tables hold.
 */
#include "judge/vocabulary/vocabulary.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/model/spec.h"
#include "tests/t.h"

#define FILE_MAX (256 * 1024)

struct loaded {
    struct arena arena;
    struct spec spec;
    struct complaints complaints;
    struct err err;
    int rc;
};

static bool slurp(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(out, chunk, n);
    fclose(f);
    return buf_ok(out);
}

static void load(struct loaded *l, const char *bytes, size_t len, bool allow_inline)
{
    *l = (struct loaded){0};
    arena_init(&l->arena);
    struct spec_options options = {vocabulary_all(), allow_inline};
    struct node *doc = node_read(&l->arena, bytes, len, &l->err);
    l->rc = doc ? spec_read(&l->spec, doc, &options, &l->complaints, &l->arena, &l->err) : -1;
}

static void load_file(struct loaded *l, const char *path, bool allow_inline)
{
    struct buf bytes;
    buf_init(&bytes, FILE_MAX);
    if (!slurp(path, &bytes))
        t_fail(__FILE__, __LINE__, "cannot read %s", path);
    load(l, bytes.data, bytes.len, allow_inline);
    buf_release(&bytes);
}

/* Every file of a folder that ends in `end`, sorted by name. */
static size_t list_files(const char *dir, const char *end, char paths[][512], size_t max)
{
    struct dirent **entries;
    int found = scandir(dir, &entries, NULL, alphasort);
    size_t n = 0;
    for (int i = 0; i < found; i++) {
        const char *name = entries[i]->d_name;
        size_t len = strlen(name), tail = strlen(end);
        if (len > tail && strcmp(name + len - tail, end) == 0 && n < max)
            snprintf(paths[n++], 512, "%s/%s", dir, name);
        free(entries[i]);
    }
    if (found >= 0)
        free(entries);
    return n;
}

static void check_example(const char *path)
{
    struct loaded first, again;
    load_file(&first, path, false);
    if (first.rc != 0)
        t_fail(__FILE__, __LINE__, "%s: %s", path, first.err.message);
    else {
        load(&again, first.spec.canonical, first.spec.canonical_len, false);
        if (again.rc != 0)
            t_fail(__FILE__, __LINE__, "%s: canonical form: %s", path, again.err.message);
        else if (strcmp(first.spec.canonical, again.spec.canonical) != 0)
            t_fail(__FILE__, __LINE__, "%s: canonical form changes\n%s\n%s", path,
                   first.spec.canonical, again.spec.canonical);
        arena_release(&again.arena);
    }
    arena_release(&first.arena);
}

static void examples_are_taken(void)
{
    static char paths[64][512];
    size_t n = list_files("deploy/examples", ".yaml", paths, 64);
    T_CHECK(n >= 4);
    for (size_t i = 0; i < n; i++)
        check_example(paths[i]);
}

static void haproxy_example_reads_as_written(void)
{
    struct loaded l;
    load_file(&l, "deploy/examples/haproxy-canary.yaml", false);
    const struct spec *s = &l.spec;
    T_OK(l.rc, l.err);
    T_EQ_STR(s->name, "checkout-2026-11-23-1");
    T_EQ_STR(s->revision, "4f2c9d1");
    T_EQ_STR(s->pattern.word->name, "canary");
    T_EQ_INT(s->n_steps, 5);
    T_NEAR(s->steps[1].share, 0.05, 0, 0);
    T_EQ_INT(s->steps[3].min_time_us, 300 * US_PER_SECOND);
    T_NEAR(s->steps[4].share, 1, 0, 0);
    T_EQ_INT(s->bake_us, 1800 * US_PER_SECOND);
    T_EQ_STR(s->platform.word->name, "haproxy");
    T_EQ_STR(s->platform.connection, "edge");
    T_EQ_INT(s->n_metrics, 2);
    T_NEAR(s->metrics[0].margin.absolute, 0.005, 1e-15, 0);
    T_NEAR(s->metrics[1].quantile, 0.95, 1e-15, 0);
    T_CHECK(isnan(s->metrics[1].margin.absolute));
    T_NEAR(s->metrics[0].weight + s->metrics[1].weight, 1, 1e-15, 0);
    T_EQ_INT(s->policy.min_blocks, 20);
    T_EQ_INT(s->policy.lateness_us, 2 * US_PER_SECOND);
    T_EQ_INT(s->n_notify, 1);
    T_EQ_INT(s->notify[0].on, 1 << VERDICT_ROLLBACK | 1 << VERDICT_PROMOTE | 1 << VERDICT_HOLD);
    arena_release(&l.arena);
}

/* ---- the corpus of bad specs ---- */

/* What was said, one complaint a line: "line 4: metrics[0].margin: ...". */
static void write_complaints(const struct loaded *l, struct buf *out)
{
    if (l->complaints.n == 0)
        buf_addf(out, "%s\n", l->rc == 0 ? "taken" : l->err.message);
    for (size_t i = 0; i < l->complaints.n; i++) {
        const struct complaint *c = &l->complaints.items[i];
        buf_addf(out, "%s: %s: %s\n", c->where, c->field, c->message);
    }
}

static void check_bad(const char *path)
{
    struct loaded l;
    struct buf got, want;
    char expected[600];
    /* `inline-` files say what is refused even where inline targets are allowed. */
    load_file(&l, path, strstr(path, "/inline-") != NULL);
    snprintf(expected, sizeof(expected), "%.*s.expected", (int)(strrchr(path, '.') - path), path);
    buf_init(&got, FILE_MAX);
    buf_init(&want, FILE_MAX);
    write_complaints(&l, &got);
    if (l.rc == 0)
        t_fail(__FILE__, __LINE__, "%s was taken", path);
    else if (!slurp(expected, &want))
        t_fail(__FILE__, __LINE__, "no %s; got:\n%s", expected, got.data);
    else if (strcmp(got.data, want.data) != 0)
        t_fail(__FILE__, __LINE__, "%s\n got: %s want: %s", path, got.data, want.data);
    buf_release(&got);
    buf_release(&want);
    arena_release(&l.arena);
}

static void bad_specs_are_refused(void)
{
    static char paths[256][512];
    size_t n = list_files("tests/golden/specs/bad", ".yaml", paths, 256);
    n += list_files("tests/golden/specs/bad", ".json", paths + n, 256 - n);
    T_CHECK(n >= 40);
    for (size_t i = 0; i < n; i++)
        check_bad(paths[i]);
}

/* Past the bound nothing is listed any more; what could not be read must still not be looked at. */
static void more_complaints_than_are_listed(void)
{
    struct loaded l;
    struct buf text;
    buf_init(&text, FILE_MAX);
    buf_add_str(&text, "apiVersion: judge/v1\nkind: Release\nmetadata: {name: a, service: b}\n"
                       "strategy: {type: canary, steps: [1%, 100%], platform: {kind: none}}\n"
                       "metrics:\n");
    for (int i = 0; i < MODEL_METRICS_MAX; i++)
        buf_add_str(&text, "  - {nmae: errors, knid: rate}\n");
    load(&l, text.data, text.len, true);
    T_EQ_INT(l.rc, -1);
    T_EQ_INT(l.complaints.n, COMPLAINTS_MAX);
    T_HAS_STR(l.err.message, "100 and more complaints; line 6: metrics[0].nmae: is unknown");
    buf_release(&text);
    arena_release(&l.arena);
}

/* ---- connections ---- */

static const char connections_text[] = "edge: {kind: haproxy, socket: /run/haproxy/admin.sock}\n"
                                       "edge-metrics: {kind: scrape, target: "
                                       "\"http://127.0.0.1:8405/metrics\"}\n"
                                       "bad: {kind: haproxy, socket: nowhere}\n";

static const char *target_of(const struct spec_word *w, const char *name)
{
    for (size_t i = 0; i < w->word->n_fields; i++)
        if (strcmp(w->word->fields[i].name, name) == 0)
            return *(const char *const *)((const char *)w->config + w->word->fields[i].offset);
    return NULL;
}

static void connections_fill_targets(void)
{
    struct loaded l;
    load_file(&l, "deploy/examples/haproxy-canary.yaml", false);
    T_OK(l.rc, l.err);
    struct node *connections =
        node_read_yaml(&l.arena, connections_text, strlen(connections_text), &l.err);
    T_CHECK(connections);
    T_CHECK(target_of(&l.spec.platform, "socket") == NULL);
    T_OK(spec_connect(&l.spec, connections, &l.arena, &l.err), l.err);
    T_EQ_STR(target_of(&l.spec.platform, "socket"), "/run/haproxy/admin.sock");
    T_EQ_STR(target_of(&l.spec.platform, "backend"), "checkout");
    T_EQ_STR(target_of(&l.spec.metrics[0].source, "target"), "http://127.0.0.1:8405/metrics");
    arena_release(&l.arena);
}

static void connections_that_do_not_fit_are_refused(void)
{
    struct loaded l;
    load_file(&l, "deploy/examples/haproxy-canary.yaml", false);
    T_OK(l.rc, l.err);
    struct node *connections =
        node_read_yaml(&l.arena, connections_text, strlen(connections_text), &l.err);
    T_CHECK(connections);
    T_CHECK(spec_connect(&l.spec, NULL, &l.arena, &l.err) != 0);
    T_HAS_STR(l.err.message, "metrics[0].source: there is no connection `edge-metrics`");
    struct spec_word w = l.spec.metrics[0].source;
    T_CHECK(spec_word_connect(&w, node_get(connections, "edge"), &l.arena, &l.err) != 0);
    T_HAS_STR(l.err.message, "is of kind haproxy; scrape needs one of kind scrape");
    w = l.spec.platform;
    T_CHECK(spec_word_connect(&w, node_get(connections, "bad"), &l.arena, &l.err) != 0);
    T_HAS_STR(l.err.message, "write an absolute path");
    arena_release(&l.arena);
}

/* ---- docs ---- */

static void docs_hold_the_reference(void)
{
    struct buf docs, want;
    buf_init(&docs, FILE_MAX);
    buf_init(&want, FILE_MAX);
    T_CHECK(slurp("docs/spec.md", &docs));
    spec_reference(vocabulary_all(), &want);
    T_CHECK(buf_ok(&want) && want.len > 1000);
    if (!strstr(docs.data, want.data))
        t_fail(__FILE__, __LINE__, "docs/spec.md does not hold the tables' reference:\n%s",
               want.data);
    buf_release(&docs);
    buf_release(&want);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"examples_are_taken", examples_are_taken},
        {"haproxy_example_reads_as_written", haproxy_example_reads_as_written},
        {"bad_specs_are_refused", bad_specs_are_refused},
        {"more_complaints_than_are_listed", more_complaints_than_are_listed},
        {"connections_fill_targets", connections_fill_targets},
        {"connections_that_do_not_fit_are_refused", connections_that_do_not_fit_are_refused},
        {"docs_hold_the_reference", docs_hold_the_reference},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
