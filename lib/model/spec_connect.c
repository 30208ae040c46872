#include "lib/model/spec.h"

#include <string.h>

#include "lib/model/fields.h"

int spec_word_connect(struct spec_word *w, const struct node *connection, struct arena *a,
                      struct err *err)
{
    const struct word *word = w->word;
    const char *kind = node_get_string(connection, "kind"), *wanted = word_connection_kind(word);
    if (!kind || strcmp(kind, wanted) != 0)
        return err_set(err, ERR_SPEC, "connection `%s` is of kind %s; %s needs one of kind %s",
                       w->connection ? w->connection : "", kind ? kind : "none", word->name,
                       wanted);
    char *config = arena_copy(a, w->config, word->config_size);
    struct reader r;
    reader_init(&r, a);
    for (size_t i = 0; i < word->n_fields && r.n == 0; i++) {
        const struct field *f = &word->fields[i];
        if (!f->is_target)
            continue;
        const struct node *v = node_get(connection, f->name);
        if (v && v->type != NODE_NULL)
            field_read(&r, v, f, config);
        else if (f->is_required)
            return err_set(err, ERR_SPEC, "connection `%s` lacks `%s`",
                           w->connection ? w->connection : "", f->name);
    }
    if (r.n > 0)
        return err_set(err, ERR_SPEC, "connection `%s`: %s: %s", w->connection ? w->connection : "",
                       r.items[0].field, r.items[0].message);
    struct err why = {0};
    if (word->check && word->check(config, connection, &why) != 0)
        return err_set(err, ERR_SPEC, "connection `%s`: %s", w->connection ? w->connection : "",
                       why.message);
    w->config = config;
    return 0;
}

static int connect_one(struct spec_word *w, const struct node *connections, struct arena *a,
                       struct err *err)
{
    if (!w->connection)
        return 0;
    const struct node *connection = node_get(connections, w->connection);
    if (!connection)
        return err_set(err, ERR_SPEC, "there is no connection `%s`; the operator declares them",
                       w->connection);
    return spec_word_connect(w, connection, a, err);
}

int spec_connect(struct spec *spec, const struct node *connections, struct arena *a,
                 struct err *err)
{
    struct spec_metric *metrics =
        arena_copy(a, spec->metrics, spec->n_metrics * sizeof(*spec->metrics));
    for (size_t i = 0; i < spec->n_metrics; i++)
        if (connect_one(&metrics[i].source, connections, a, err) != 0)
            return err_context(err, "metrics[%zu].source", i);
    struct spec_word platform = spec->platform;
    if (connect_one(&platform, connections, a, err) != 0)
        return err_context(err, "strategy.platform");
    spec->metrics = metrics;
    spec->platform = platform;
    return 0;
}
