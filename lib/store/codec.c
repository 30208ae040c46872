/*
 * Segments, orders, tokens and audit entries as bytes.
 */
#include "lib/store/codec.h"

#include <math.h>
#include <string.h>

#define CODEC_VERSION 1

static void add_wall(struct buf *out, struct wall t)
{
    buf_add_le64(out, (unsigned long long)t.us);
}

static struct wall take_wall(struct bytes *in)
{
    return (struct wall){(int64_t)bytes_le64(in)};
}

static void add_text(struct buf *out, const char *text)
{
    buf_add_lstring(out, text ? text : "", text ? strlen(text) : 0);
}

/* Text with a NUL inside would be another text when read as a C string. */
static const char *take_text(struct bytes *in, struct arena *a)
{
    size_t len = 0;
    const char *text = bytes_lstring(in, &len);
    if (in->bad || (len > 0 && memchr(text, '\0', len))) {
        in->bad = true;
        return "";
    }
    return arena_copy(a, len > 0 ? text : "", len);
}

/* All was read, nothing is left, and the version was ours. */
static int finish(const struct bytes *in, unsigned version, const char *what, struct err *err)
{
    if (version != CODEC_VERSION)
        return err_set(err, ERR_CORRUPT, "stored %s: version %u is not known here", what, version);
    if (in->bad || in->left > 0)
        return err_set(err, ERR_CORRUPT, "stored %s: not readable", what);
    return 0;
}

void segment_encode(const struct segment *seg, struct buf *out)
{
    buf_add_u8(out, CODEC_VERSION);
    buf_add_varint(out, (unsigned long long)seg->id);
    add_wall(out, seg->opened);
    add_wall(out, seg->closed);
    buf_add_double(out, seg->share);
    buf_add_double(out, seg->next_share);
    buf_add_varint(out, (unsigned long long)seg->settle_us);
    buf_add_varint(out, (unsigned long long)seg->min_time_us);
    buf_add_varint(out, seg->min_samples);
    buf_add_u8(out, (seg->is_bake ? 1U : 0U) | (seg->is_synthetic ? 2U : 0U));
}

static bool is_share(double v)
{
    return isnan(v) || (v >= 0 && v <= 1);
}

int segment_decode(struct segment *seg, struct bytes in, struct err *err)
{
    unsigned version = bytes_u8(&in);
    unsigned long long id = bytes_varint(&in);
    struct segment got = {.opened = take_wall(&in), .closed = {0}};
    got.closed = take_wall(&in);
    got.share = bytes_double(&in);
    got.next_share = bytes_double(&in);
    unsigned long long settle = bytes_varint(&in), min_time = bytes_varint(&in);
    got.min_samples = bytes_varint(&in);
    unsigned flags = bytes_u8(&in);
    if (finish(&in, version, "segment", err) != 0)
        return -1;
    if (id < 1 || id > INT32_MAX || settle > INT64_MAX || min_time > INT64_MAX || flags > 3 ||
        !is_share(got.share) || !is_share(got.next_share))
        return err_set(err, ERR_CORRUPT, "stored segment: a value is out of range");
    got.id = (int)id;
    got.settle_us = (int64_t)settle;
    got.min_time_us = (int64_t)min_time;
    got.is_bake = flags & 1;
    got.is_synthetic = flags & 2;
    *seg = got;
    return 0;
}

void order_encode(const struct order *o, struct buf *out)
{
    buf_add_u8(out, CODEC_VERSION);
    buf_add_u8(out, (unsigned)o->verb);
    add_text(out, o->who);
    add_text(out, o->why);
    buf_add_double(out, o->share);
    buf_add_u8(out, o->is_override);
    add_wall(out, o->at);
}

int order_decode(struct order *o, struct bytes in, struct arena *a, struct err *err)
{
    unsigned version = bytes_u8(&in), verb = bytes_u8(&in);
    struct order got = {.verb = verb < ORDER_COUNT ? (enum order_verb)verb : ORDER_PAUSE};
    got.who = take_text(&in, a);
    got.why = take_text(&in, a);
    got.share = bytes_double(&in);
    unsigned is_override = bytes_u8(&in);
    got.at = take_wall(&in);
    if (finish(&in, version, "order", err) != 0)
        return -1;
    if (verb >= ORDER_COUNT || is_override > 1 || !is_share(got.share))
        return err_set(err, ERR_CORRUPT, "stored order: a value is out of range");
    got.is_override = is_override;
    *o = got;
    return 0;
}

void token_encode(const struct token_record *t, struct buf *out)
{
    buf_add_u8(out, CODEC_VERSION);
    add_text(out, t->id);
    add_text(out, t->hash);
    add_text(out, t->name);
    buf_add_varint(out, t->scopes);
    add_text(out, t->services);
    add_wall(out, t->created);
    add_wall(out, t->expires);
}

int token_decode(struct token_record *t, struct bytes in, struct arena *a, struct err *err)
{
    unsigned version = bytes_u8(&in);
    struct token_record got = {.id = take_text(&in, a)};
    got.hash = take_text(&in, a);
    got.name = take_text(&in, a);
    unsigned long long scopes = bytes_varint(&in);
    got.services = take_text(&in, a);
    got.created = take_wall(&in);
    got.expires = take_wall(&in);
    if (finish(&in, version, "token", err) != 0)
        return -1;
    if (scopes > UINT32_MAX)
        return err_set(err, ERR_CORRUPT, "stored token: a value is out of range");
    got.scopes = (unsigned)scopes;
    *t = got;
    return 0;
}

void audit_encode(const struct audit_entry *e, struct buf *out)
{
    buf_add_u8(out, CODEC_VERSION);
    add_wall(out, e->at);
    add_text(out, e->what);
    add_text(out, e->who);
    add_text(out, e->why);
    add_text(out, e->detail);
}

int audit_decode(struct audit_entry *e, struct bytes in, struct arena *a, struct err *err)
{
    unsigned version = bytes_u8(&in);
    struct audit_entry got = {.at = take_wall(&in), .release = "", .hash = ""};
    got.what = take_text(&in, a);
    got.who = take_text(&in, a);
    got.why = take_text(&in, a);
    got.detail = take_text(&in, a);
    if (finish(&in, version, "audit entry", err) != 0)
        return -1;
    *e = got;
    return 0;
}
