#include "judge/web/facts.h"

#include <string.h>

#include "lib/base/log.h"

static const struct verdict *read_verdict(const struct view *v, struct arena *a)
{
    struct err err = {0};
    struct verdict *verdict = arena_alloc(a, sizeof(*verdict));
    if (!v->verdict)
        return NULL;
    const struct node *n = node_read_json(a, v->verdict, v->verdict_len, &err);
    if (n && verdict_from_json(verdict, n, a, &err) == 0)
        return verdict;
    err_context(&err, "verdict %lld of %s", (long long)v->seq, v->record.id);
    log_err("web", &err);
    return NULL;
}

/* The spec was accepted when it came, so what was allowed then is allowed here. */
static const struct spec *read_spec(const struct service *s, const struct view *v, struct arena *a)
{
    struct err err = {0};
    struct spec *spec = arena_alloc(a, sizeof(*spec));
    const struct spec_options options = {.vocabulary = s->vocabulary, .allow_inline_targets = true};
    const struct node *n = node_read_json(a, v->record.spec, strlen(v->record.spec), &err);
    if (n && spec_read(spec, n, &options, NULL, a, &err) == 0)
        return spec;
    err_context(&err, "stored spec of %s", v->record.id);
    log_err("web", &err);
    return NULL;
}

void facts_of_view(struct report_facts *f, const struct service *s, const struct view *v,
                   bool with_spec, struct arena *a, struct wall now)
{
    const struct release_record *r = &v->record;
    struct err ignored = {0};
    *f = (struct report_facts){
        .release =
            {
                .id = r->id,
                .service = r->service,
                .environment = r->environment,
                .revision = r->revision,
                .owner = r->owner,
                .phase = r->phase,
                .outcome = r->outcome,
                .cause = r->cause,
                .is_paused = r->is_paused,
                .paused_why = r->paused_why,
                .created = r->created,
                .ended = r->ended,
            },
        .spec = with_spec ? read_spec(s, v, a) : NULL,
        .verdict = read_verdict(v, a),
        .progress = node_read_json(a, v->status, strlen(v->status), &ignored),
        .now = now,
    };
}

/* The last `max` entries of the trail, oldest first. They are numbered from 1 without a gap. */
static int read_log(struct report_facts *f, const struct service *s, size_t max, struct arena *a,
                    struct err *err)
{
    const char *id = f->release.id, *cursor = NULL;
    struct audit_head head;
    struct audit_entry *entries;
    size_t n;
    if (store_audit_head(s->store, id, &head, err) != 0)
        return -1;
    if (head.n > (int64_t)max)
        cursor = arena_printf(a, "%lld-0", (long long)(head.n - (int64_t)max));
    if (store_audit(s->store, id, cursor, max, &entries, &n, &cursor, a, err) != 0)
        return -1;
    struct report_entry *log = arena_array(a, n ? n : 1, sizeof(*log));
    for (size_t i = 0; i < n; i++)
        log[i] = (struct report_entry){.at = entries[i].at,
                                       .what = entries[i].what,
                                       .who = entries[i].who,
                                       .why = entries[i].why,
                                       .detail = entries[i].detail};
    f->log = log;
    f->n_log = n;
    f->has_log = true;
    return 0;
}

static void turn_round(struct report_facts *f, struct arena *a)
{
    struct report_entry *turned = arena_array(a, f->n_log ? f->n_log : 1, sizeof(*turned));
    for (size_t i = 0; i < f->n_log; i++)
        turned[i] = f->log[f->n_log - 1 - i];
    f->log = turned;
}

void facts_of_store(struct report_facts *f, const struct service *s, size_t log_max,
                    bool newest_first, struct arena *a)
{
    struct err err = {0};
    struct segment *segments;
    if (store_segments(s->store, f->release.id, &segments, &f->n_segments, a, &err) == 0) {
        f->segments = segments;
        f->has_segments = true;
        if (read_log(f, s, log_max, a, &err) == 0 && newest_first)
            turn_round(f, a);
    }
    if (!f->has_log) {
        err_context(&err, "steps and log of %s", f->release.id);
        log_err("web", &err);
    }
}
