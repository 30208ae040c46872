#include "lib/model/summary.h"

/* First byte of an encoded summary and block. A change of the form is a new number: old bytes are
 * then refused by name instead of being misread. */
#define SUMMARY_VERSION 2
#define SUMMARY_PACKED  3 /* its histogram is packed: in sealed blocks, where that is shorter */
#define BLOCK_VERSION   1

enum summary_kind summary_kind_of(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_PROPORTION:
    case METRIC_RATE:
    case METRIC_RATIO:
    case METRIC_ALARM:
        return SUMMARY_COUNTS;
    case METRIC_MEAN:
    case METRIC_SERIES:
        return SUMMARY_MOMENTS;
    case METRIC_QUANTILE:
        return SUMMARY_HIST;
    case METRIC_KIND_COUNT:
        break;
    }
    BUG_ON("no such metric kind");
    return SUMMARY_NONE;
}

void summary_init(struct summary *s, enum summary_kind kind)
{
    *s = (struct summary){.kind = kind};
    if (kind == SUMMARY_MOMENTS)
        moments_init(&s->moments);
    else if (kind == SUMMARY_HIST)
        hist_init(&s->hist);
    else if (kind == SUMMARY_POINTS)
        points_init(&s->points);
}

void summary_release(struct summary *s)
{
    if (s->kind == SUMMARY_HIST)
        hist_release(&s->hist);
    else if (s->kind == SUMMARY_POINTS)
        points_release(&s->points);
    *s = (struct summary){.kind = SUMMARY_NONE};
}

void summary_merge(struct summary *s, const struct summary *other)
{
    if (other->kind == SUMMARY_NONE)
        return;
    if (s->kind == SUMMARY_NONE)
        summary_init(s, other->kind);
    BUG_ON(s->kind != other->kind);
    s->samples += other->samples;
    switch (s->kind) {
    case SUMMARY_COUNTS:
        counts_merge(&s->counts, &other->counts);
        break;
    case SUMMARY_MOMENTS:
        moments_merge(&s->moments, &other->moments);
        break;
    case SUMMARY_HIST:
        hist_merge(&s->hist, &other->hist);
        break;
    case SUMMARY_POINTS:
        points_merge(&s->points, &other->points);
        break;
    case SUMMARY_NONE:
        break;
    }
}

bool summary_is_empty(const struct summary *s)
{
    switch (s->kind) {
    case SUMMARY_NONE:
        return true;
    case SUMMARY_COUNTS:
        return s->samples == 0 && s->counts.events == 0 && s->counts.exposure == 0;
    case SUMMARY_MOMENTS:
        return s->moments.n == 0;
    case SUMMARY_HIST:
        return s->hist.n == 0;
    case SUMMARY_POINTS:
        return s->points.len == 0 && !s->points.is_cut;
    }
    return true;
}

static void head_encode(const struct summary *s, unsigned version, struct buf *out)
{
    buf_add_u8(out, version);
    buf_add_u8(out, (unsigned)s->kind);
    if (s->kind != SUMMARY_NONE)
        buf_add_varint(out, s->samples);
}

void summary_encode(const struct summary *s, struct buf *out)
{
    head_encode(s, SUMMARY_VERSION, out);
    switch (s->kind) {
    case SUMMARY_COUNTS:
        counts_encode(&s->counts, out);
        break;
    case SUMMARY_MOMENTS:
        moments_encode(&s->moments, out);
        break;
    case SUMMARY_HIST:
        hist_encode(&s->hist, out);
        break;
    case SUMMARY_POINTS:
        points_encode(&s->points, out);
        break;
    case SUMMARY_NONE:
        break;
    }
}

/* On failure *s is an empty summary that needs no release. */
int summary_decode(struct summary *s, struct bytes *in, struct err *err)
{
    *s = (struct summary){.kind = SUMMARY_NONE};
    unsigned version = bytes_u8(in);
    unsigned kind = bytes_u8(in);
    if (in->bad)
        return err_set(err, ERR_CORRUPT, "summary is cut off");
    if (version != SUMMARY_VERSION && version != SUMMARY_PACKED)
        return err_set(err, ERR_CORRUPT, "summary has form %u, this build reads %d and %d", version,
                       SUMMARY_VERSION, SUMMARY_PACKED);
    if (kind > SUMMARY_POINTS || (version == SUMMARY_PACKED && kind != SUMMARY_HIST))
        return err_set(err, ERR_CORRUPT, "summary of form %u has the unknown kind %u", version,
                       kind);
    if (kind == SUMMARY_NONE)
        return 0;

    uint64_t samples = bytes_varint(in);
    summary_init(s, (enum summary_kind)kind);
    int rc = 0;
    if (s->kind == SUMMARY_COUNTS)
        rc = counts_decode(&s->counts, in, err);
    else if (s->kind == SUMMARY_MOMENTS)
        rc = moments_decode(&s->moments, in, err);
    else if (s->kind == SUMMARY_POINTS)
        rc = points_decode(&s->points, in, err);
    else
        rc = version == SUMMARY_PACKED ? hist_unpack(&s->hist, in, err)
                                       : hist_decode(&s->hist, in, err);
    if (rc == 0 && in->bad)
        rc = err_set(err, ERR_CORRUPT, "summary is cut off");
    if (rc != 0) {
        summary_release(s);
        return -1;
    }
    s->samples = samples;
    return 0;
}

uint64_t summary_peek_samples(struct bytes encoded)
{
    unsigned version = bytes_u8(&encoded), kind = bytes_u8(&encoded);
    if (version != SUMMARY_VERSION || kind == SUMMARY_NONE || kind > SUMMARY_POINTS)
        return 0;
    uint64_t samples = bytes_varint(&encoded);
    return encoded.bad ? 0 : samples;
}

void block_init(struct block *b, int64_t index, uint8_t cohorts, enum summary_kind kind)
{
    BUG_ON(cohorts > MODEL_COHORTS_MAX);
    *b = (struct block){.index = index, .cohorts = cohorts};
    for (uint8_t i = 0; i < cohorts; i++)
        summary_init(&b->cohort[i], kind);
}

void block_release(struct block *b)
{
    for (uint8_t i = 0; i < b->cohorts; i++)
        summary_release(&b->cohort[i]);
    *b = (struct block){0};
}

/* A summary that is kept: small comes before fast. */
static void kept_encode(const struct summary *s, struct buf *out)
{
    struct buf packed;
    buf_init(&packed, out->max);
    if (s->kind == SUMMARY_HIST && hist_pack(&s->hist, &packed)) {
        head_encode(s, SUMMARY_PACKED, out);
        buf_add(out, packed.data, packed.len);
    } else {
        summary_encode(s, out);
    }
    buf_release(&packed);
}

void block_encode(const struct block *b, struct buf *out)
{
    buf_add_u8(out, BLOCK_VERSION);
    buf_add_le64(out, (unsigned long long)b->index);
    buf_add_u8(out, b->cohorts);
    for (uint8_t i = 0; i < b->cohorts; i++)
        kept_encode(&b->cohort[i], out);
}

/* Cohorts of one block are of one kind, or empty (SUMMARY_NONE): anything else would be a merge of
 * unlike things later. On failure *b is empty and needs no release. */
int block_decode(struct block *b, struct bytes *in, struct err *err)
{
    *b = (struct block){0};
    unsigned version = bytes_u8(in);
    int64_t index = (int64_t)bytes_le64(in);
    unsigned cohorts = bytes_u8(in);
    if (in->bad)
        return err_set(err, ERR_CORRUPT, "block is cut off");
    if (version != BLOCK_VERSION)
        return err_set(err, ERR_CORRUPT, "block has form %u, this build reads %d", version,
                       BLOCK_VERSION);
    if (cohorts > MODEL_COHORTS_MAX)
        return err_set(err, ERR_CORRUPT, "block has %u cohorts, at most %d exist", cohorts,
                       MODEL_COHORTS_MAX);
    b->index = index;
    enum summary_kind kind = SUMMARY_NONE;
    for (unsigned i = 0; i < cohorts; i++) {
        if (summary_decode(&b->cohort[i], in, err) != 0) {
            block_release(b);
            return err_context(err, "cohort %u of block %lld", i, (long long)index);
        }
        b->cohorts = (uint8_t)(i + 1);
        enum summary_kind own = b->cohort[i].kind;
        if (own == SUMMARY_POINTS || (own != SUMMARY_NONE && kind != SUMMARY_NONE && own != kind)) {
            block_release(b);
            return err_set(err, ERR_CORRUPT,
                           own == SUMMARY_POINTS ? "block %lld holds points of series"
                                                 : "block %lld holds two kinds of summary",
                           (long long)index);
        }
        if (own != SUMMARY_NONE)
            kind = own;
    }
    return 0;
}
