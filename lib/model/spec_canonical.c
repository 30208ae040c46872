/*
 * The canonical form: one line of JSON in the order of the tables, every default written out, so
 * that two specs that mean the same are the same bytes. Weights are written as given, not
 * normalised: normalising twice would change the last bit.
 */
#include "lib/model/spec_priv.h"

#include <math.h>

static void write_part(struct writer *w, enum spec_part_id id, const void *target)
{
    fields_write(w, spec_parts[id].fields, spec_parts[id].n, target);
}

static void write_strategy(struct writer *w, const struct spec *spec)
{
    writer_kv_object(w, "strategy");
    writer_kv_string(w, "type", spec->pattern.word->name);
    word_write(w, &spec->pattern);
    writer_kv_array(w, "steps");
    for (size_t i = 0; i < spec->n_steps; i++) {
        writer_object(w);
        write_part(w, PART_STEP, &spec->steps[i]);
        writer_end(w);
    }
    writer_end(w);
    write_part(w, PART_STRATEGY, spec);
    writer_kv_object(w, "platform");
    writer_kv_string(w, "kind", spec->platform.word->name);
    word_write(w, &spec->platform);
    writer_end(w);
    writer_end(w);
}

static void write_metric(struct writer *w, const struct spec_metric *m)
{
    writer_object(w);
    write_part(w, PART_METRIC, m);
    if (!isnan(m->margin.relative) || !isnan(m->margin.absolute)) {
        writer_kv_object(w, "margin");
        write_part(w, PART_MARGIN, &m->margin);
        writer_end(w);
    }
    writer_kv_object(w, "tolerance");
    write_part(w, PART_TOLERANCE, &m->tolerance);
    writer_end(w);
    writer_kv_object(w, "source");
    writer_kv_object(w, m->source.word->name);
    word_write(w, &m->source);
    writer_end(w);
    writer_end(w);
    writer_end(w);
}

static void write_notify(struct writer *w, const struct spec_notify *n)
{
    writer_object(w);
    write_part(w, PART_NOTIFY, n);
    writer_kv_array(w, "on");
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (n->on & 1u << i)
            writer_string(w, verdict_name((enum verdict_word)i));
    writer_end(w);
    writer_end(w);
}

void spec_write_canonical(const struct spec *spec, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_string(&w, "apiVersion", SPEC_API_VERSION);
    writer_kv_string(&w, "kind", SPEC_KIND);
    writer_kv_object(&w, "metadata");
    write_part(&w, PART_METADATA, spec);
    writer_end(&w);
    write_part(&w, PART_DOCUMENT, spec); /* mode */
    write_strategy(&w, spec);
    writer_kv_array(&w, "metrics");
    for (size_t i = 0; i < spec->n_metrics; i++)
        write_metric(&w, &spec->metrics[i]);
    writer_end(&w);
    writer_kv_object(&w, "policy");
    writer_kv_string(&w, "method", spec->policy.method->name);
    write_part(&w, PART_POLICY, spec);
    writer_end(&w);
    writer_kv_array(&w, "notify");
    for (size_t i = 0; i < spec->n_notify; i++)
        write_notify(&w, &spec->notify[i]);
    writer_end(&w);
    writer_end(&w);
}
