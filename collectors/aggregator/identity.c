#include "collectors/aggregator/identity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/wire/scan.h"
#include "lib/base/buf.h"
#include "lib/crypto/digest.h"

#define REFUSAL_BYTES 160

void series_refuse(struct series *s, const char *fmt, ...)
{
    if (series_refusal(s))
        return; /* the first reason stands */
    char *refusal = series_extra(s)->refusal = mem_alloc(REFUSAL_BYTES);
    va_list args;
    va_start(args, fmt);
    vsnprintf(refusal, REFUSAL_BYTES, fmt, args);
    va_end(args);
}

int identity_tag(struct series *s, struct identity *id, struct span name, struct span value)
{
    const size_t most = s->form < TAGS_OTLP ? TAGS_MAX : ATTRIBUTES_MAX;
    if (id->n_tags == most) {
        series_refuse(s, "more than %zu tags", most);
        return -1;
    }
    id->tags[id->n_tags++] = (struct tag){name, value};
    return 0;
}

/* -1 with the series refused. */
static int identity_add(struct series *s, struct identity *id, struct span name, struct span value)
{
    if (span_is(name, "service"))
        id->service = value;
    else if (span_is(name, "cohort"))
        id->cohort = value;
    else if (span_is(name, "revision"))
        id->revision = value;
    else
        return identity_tag(s, id, name, value);
    return 0;
}

/* Reads "a:b,c:d"; a tag without a colon has an empty value. Returns -1 with the series refused. */
static int identity_of_text(struct series *s, const char *tags, size_t len, struct identity *id)
{
    const char *end = tags + len;
    for (const char *p = tags; p < end;) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        const char *colon = memchr(p, ':', (size_t)(stop - p));
        struct span name = {p, (size_t)((colon ? colon : stop) - p)};
        struct span value = {colon ? colon + 1 : stop, colon ? (size_t)(stop - colon - 1) : 0};
        p = comma ? comma + 1 : end;
        if (name.len == 0 && value.len == 0)
            continue; /* an empty tag says nothing */
        if (identity_add(s, id, name, value) != 0)
            return -1;
    }
    return 0;
}

/* Clients without tags put them behind the name: "http.errors,service=checkout,cohort=candidate".
 * Returns the length of the name itself, 0 with the series refused. */
static size_t identity_of_name(struct series *s, struct identity *id)
{
    const char *end = s->bytes + s->name_len;
    const char *comma = memchr(s->bytes, ',', s->name_len);
    const size_t name_len = comma ? (size_t)(comma - s->bytes) : s->name_len;
    for (const char *p = comma; p; p = comma) {
        p++;
        comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma ? comma : end;
        const char *sign = memchr(p, '=', (size_t)(stop - p));
        if (!sign) {
            series_refuse(s, "\",\" in the name begins tags (name=value), and \"%.*s\" is none",
                          (int)(stop - p < 32 ? stop - p : 32), p);
            return 0;
        }
        if (identity_add(s, id, (struct span){p, (size_t)(sign - p)},
                         (struct span){sign + 1, (size_t)(stop - sign - 1)}) != 0)
            return 0;
    }
    return name_len;
}

static struct span pair_part(const char **p, const char *end)
{
    const char *nul = memchr(*p, '\0', (size_t)(end - *p));
    BUG_ON(!nul);
    struct span part = {*p, (size_t)(nul - *p)};
    *p = nul + 1;
    return part;
}

static int identity_of_pairs(struct series *s, const char *tags, size_t len, struct identity *id)
{
    for (const char *p = tags; p < tags + len;) {
        struct span name = pair_part(&p, tags + len);
        struct span value = pair_part(&p, tags + len);
        const int rc = s->form == TAGS_FOREIGN ? identity_tag(s, id, name, value)
                                               : identity_add(s, id, name, value);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* ---- cumulative series ---- */

static int span_compare(struct span a, struct span b)
{
    int c = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct tag *x = a, *y = b;
    int c = span_compare(x->name, y->name);
    return c != 0 ? c : span_compare(x->value, y->value);
}

static void digest_span(struct buf *b, struct span s)
{
    buf_add_lstring(b, s.at, s.len);
}

/* The name and all tags in order, so that it does not matter how the sender arranges them. The edge
 * of a bucket stands apart: what is left of it names the histogram. */
void points_identify(struct series *s, struct identity *id)
{
    unsigned char digest[DIGEST_BYTES];
    struct buf b;
    buf_init(&b, 4 * WIRE_KEY_BYTES_MAX);
    qsort(id->tags, id->n_tags, sizeof(id->tags[0]), by_name_and_value);
    digest_span(&b, s->as == TYPE_EDGE ? id->of_edge : id->name);
    for (size_t i = 0; i < id->n_tags; i++) {
        if (s->as == TYPE_EDGE && span_is(id->tags[i].name, "le"))
            continue;
        digest_span(&b, id->tags[i].name);
        digest_span(&b, id->tags[i].value);
    }
    struct series_points *p = &series_extra(s)->points;
    digest_sha256(b.data, b.len, digest);
    memcpy(&p->group, digest, sizeof(p->group));
    if (s->as == TYPE_EDGE) {
        if (span_is(id->edge, "+Inf"))
            p->edge = INFINITY;
        else if (scan_number(id->edge.at, id->edge.at + id->edge.len, &p->edge) !=
                     id->edge.at + id->edge.len ||
                 p->edge < 0)
            series_refuse(s, "le \"%.*s\" is no edge of a bucket: +Inf or a number >= 0",
                          (int)(id->edge.len < 32 ? id->edge.len : 32), id->edge.at);
        buf_add_double(&b, p->edge);
        digest_sha256(b.data, b.len, digest);
    }
    memcpy(p->id, digest, sizeof(p->id));
    p->source = id->source;
    buf_release(&b);
}

int identity_read(struct series *s, struct identity *id)
{
    const char *tags = s->bytes + s->name_len;
    id->name = (struct span){s->bytes, s->name_len};
    switch ((enum tags_form)s->form) {
    case TAGS_TEXT:
        id->name.len = identity_of_name(s, id);
        return series_refusal(s) ? -1 : identity_of_text(s, tags, s->tags_len, id);
    case TAGS_PAIRS:
    case TAGS_FOREIGN:
        return identity_of_pairs(s, tags, s->tags_len, id);
    case TAGS_OTLP:
        return identity_of_otlp(s, id);
    case TAGS_LABELS:
        return identity_of_labels(s, id);
    }
    return -1;
}
