#include "judge/daemon/connections.h"

#include <string.h>

#include "lib/model/fields.h"

#define KIND_TOLD "webhook" /* the kind that notifications go to */

bool connection_is_for(const struct node *connection, const char *service)
{
    const struct node *list = node_get(connection, "services");
    for (const struct node *n = list ? list->first : NULL; n; n = n->next)
        if (n->text && strcmp(n->text, service) == 0)
            return true;
    return !list;
}

static const struct field *target_of(const struct word *word, const char *name)
{
    for (size_t i = 0; i < word->n_fields; i++)
        if (word->fields[i].is_target && strcmp(word->fields[i].name, name) == 0)
            return &word->fields[i];
    return NULL;
}

/* A word whose connections are of that kind, with that target (NULL: any), or NULL. Words that
 * share a kind need not have the same targets. */
static const struct word *word_of_kind(const struct vocabulary *v, const char *kind,
                                       const char *target)
{
    const struct word *const *lists[] = {v->platforms, v->sources};
    const size_t lens[] = {v->n_platforms, v->n_sources};
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < lens[l]; i++) {
            const struct word *w = lists[l][i];
            if (strcmp(word_connection_kind(w), kind) == 0 &&
                (target ? target_of(w, target) != NULL : word_has_targets(w)))
                return w;
        }
    return NULL;
}

static int check_services(const struct node *list, struct err *err)
{
    bool is_list = list->type == NODE_ARRAY;
    for (const struct node *n = list->first; n; n = n->next)
        is_list = is_list && n->type == NODE_STRING;
    if (!is_list)
        return err_set(err, ERR_INPUT, "services: want a list of names");
    if (!list->first)
        return err_set(err, ERR_INPUT, "services: want at least one name; all may use it without");
    return 0;
}

/* One member against the target fields of its kind, with the reader that specs go through. */
static int check_member(const struct vocabulary *v, const char *kind, const struct node *n,
                        struct err *err)
{
    struct arena a;
    struct reader r;
    if (strcmp(n->key, "kind") == 0)
        return 0;
    if (strcmp(n->key, "services") == 0)
        return check_services(n, err);
    if (strcmp(n->key, "secret_ref") == 0 && strcmp(kind, KIND_TOLD) == 0)
        return n->type == NODE_STRING ? 0 : err_set(err, ERR_INPUT, "secret_ref: want a name");
    const struct word *word = word_of_kind(v, kind, n->key);
    if (!word)
        return err_set(err, ERR_INPUT, "there is no `%.60s` in a connection of kind %s", n->key,
                       kind);
    const struct field *f = target_of(word, n->key);
    arena_init(&a);
    reader_init(&r, &a);
    void *config = arena_alloc(&a, word->config_size);
    int rc = field_read(&r, n, f, config) ? 0 : -1;
    if (rc != 0)
        err_set(err, ERR_INPUT, "%s: %s", f->name, r.items[0].message);
    arena_release(&a);
    return rc;
}

static int check_one(const struct node *c, const struct vocabulary *v, struct err *err)
{
    const char *kind = node_get_string(c, "kind");
    if (c->type != NODE_OBJECT || !kind)
        return err_set(err, ERR_INPUT, "want {kind: ..., ...}");
    if (!word_of_kind(v, kind, NULL))
        return err_set(err, ERR_INPUT, "no connection is of kind `%.40s`", kind);
    for (const struct node *n = c->first; n; n = n->next)
        if (check_member(v, kind, n, err) != 0)
            return -1;
    return 0;
}

int connections_check(const struct node *connections, const struct vocabulary *v, struct err *err)
{
    for (const struct node *c = connections ? connections->first : NULL; c; c = c->next)
        if (check_one(c, v, err) != 0)
            return err_context(err, "line %d: connection `%.60s`", c->line, c->key);
    return 0;
}

static int allow_one(const char *name, const struct spec *spec, const struct node *connections,
                     struct err *err)
{
    const struct node *c = name ? node_get(connections, name) : NULL;
    if (!name)
        return 0;
    if (!c)
        return err_set(err, ERR_SPEC, "there is no connection `%.60s`; the operator declares them",
                       name);
    if (!connection_is_for(c, spec->service))
        return err_set(err, ERR_FORBIDDEN, "connection `%.60s` is not for service %s", name,
                       spec->service);
    return 0;
}

static bool is_url(const char *to)
{
    return strstr(to, "://") != NULL;
}

int connections_allow(const struct spec *spec, const struct node *connections, struct err *err)
{
    if (allow_one(spec->platform.connection, spec, connections, err) != 0)
        return err_context(err, "strategy.platform");
    for (size_t i = 0; i < spec->n_metrics; i++)
        if (allow_one(spec->metrics[i].source.connection, spec, connections, err) != 0)
            return err_context(err, "metrics[%zu].source", i);
    for (size_t i = 0; i < spec->n_notify; i++) {
        const char *to = spec->notify[i].to;
        if (is_url(to))
            continue;
        if (allow_one(to, spec, connections, err) != 0)
            return err_context(err, "notify[%zu].to", i);
        if (!connection_url(connections, to, NULL))
            return err_set(err, ERR_SPEC,
                           "notify[%zu].to: connection `%.60s` must be of kind " KIND_TOLD
                           " with a url",
                           i, to);
    }
    return 0;
}

const char *connection_url(const struct node *connections, const char *to, const char **secret_ref)
{
    const struct node *c = is_url(to) ? NULL : node_get(connections, to);
    const char *kind = node_get_string(c, "kind");
    if (secret_ref)
        *secret_ref = node_get_string(c, "secret_ref");
    if (is_url(to))
        return to;
    return kind && strcmp(kind, KIND_TOLD) == 0 ? node_get_string(c, "url") : NULL;
}
