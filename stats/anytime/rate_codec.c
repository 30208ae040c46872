/*
 * The rate-ratio test's checkpoint: form, nulls, totals, sums; what follows from the nulls is
 * derived again. Vectors a null does not need are left out. Doubles are stored as their bits:
 * replay after a decode gives what an unbroken run gives.
 */
#include <math.h>

#include "stats/anytime/rate_ratio.h"

#define RATE_FORM 3
#define SUM_MAX   1e100 /* above what blocks within their limits can add up to */

static void put(struct buf *out, const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_add_double(out, v[i]);
}

enum sign { NOT_NEGATIVE, ANY_SIGN };

static bool get(struct bytes *in, double *v, size_t n, enum sign sign)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        v[i] = bytes_double(in);
        ok = ok && fabs(v[i]) <= SUM_MAX && (sign == ANY_SIGN || v[i] >= 0);
    }
    return ok;
}

void rate_ratio_encode(const struct rate_ratio *t, struct buf *out)
{
    const double totals[] = {t->c0,        t->x0,        t->c1,        t->x1,
                             t->recent.c0, t->recent.x0, t->recent.c1, t->recent.x1};
    buf_add_u8(out, RATE_FORM);
    for (int side = 0; side < 2; side++) {
        buf_add_double(out, t->null[side].ratio);
        buf_add_double(out, t->null[side].difference);
    }
    buf_add_varint(out, t->blocks);
    buf_add_varint(out, t->skipped);
    buf_add_double(out, t->correlation_floor.now);
    buf_add_double(out, t->correlation_floor.established);
    put(out, totals, ARRAY_LEN(totals));
    for (int i = 0; i < 2; i++) {
        const struct rate_arm *arm = &t->arm[i];
        put(out, (const double[]){arm->last_events, arm->last_exposure, arm->sq, arm->var}, 4);
    }
    buf_add_double(out, t->saturated);
    put(out, t->s, RATE_NODES);
    put(out, t->var, RATE_NODES);
    put(out, t->sq, RATE_NODES);
    for (int side = 0; side < 2; side++)
        if (!isnan(t->null[side].difference)) {
            buf_add_double(out, t->abs[side].ratio_sq);
            buf_add_double(out, t->abs[side].events_sq);
            buf_add_double(out, t->abs[side].residual_sq);
        }
    if (!isnan(t->null[TEST_FAIL].difference))
        put(out, t->spent, RATE_GRID);
    if (!isnan(t->null[TEST_PASS].difference))
        put(out, t->abs_s, RATE_ABS);
    scatter_encode(&t->scatter, out);
}

static int decode_nulls(struct rate_ratio *t, struct bytes *in, struct err *err)
{
    struct rate_null null[2];
    const struct rate_null *given[2] = {NULL, NULL};
    for (int side = 0; side < 2; side++) {
        null[side].ratio = bytes_double(in);
        null[side].difference = bytes_double(in);
        if (isnan(null[side].ratio) && isnan(null[side].difference))
            continue;
        if (in->bad || !rate_null_ok(&null[side]))
            return err_set(err, ERR_CORRUPT, "rate ratio: an impossible null");
        given[side] = &null[side];
    }
    rate_ratio_init(t, given[TEST_FAIL], given[TEST_PASS]);
    return 0;
}

int rate_ratio_decode(struct rate_ratio *t, struct bytes *in, struct err *err)
{
    double totals[8], abs_sums[3], arm[4];
    bool ok;
    rate_ratio_init(t, NULL, NULL);
    if (bytes_u8(in) != RATE_FORM)
        return err_set(err, ERR_CORRUPT, "rate ratio: unknown form");
    if (decode_nulls(t, in, err) < 0)
        return -1;
    t->blocks = bytes_varint(in);
    t->skipped = bytes_varint(in);
    t->correlation_floor.now = bytes_double(in);
    t->correlation_floor.established = bytes_double(in);
    ok = correlation_ok(&t->correlation_floor);
    ok = get(in, totals, ARRAY_LEN(totals), NOT_NEGATIVE) && ok;
    for (int i = 0; i < 2; i++) {
        ok = get(in, arm, ARRAY_LEN(arm), NOT_NEGATIVE) && ok;
        t->arm[i] = (struct rate_arm){arm[0], arm[1], arm[2], arm[3]};
    }
    ok = get(in, &t->saturated, 1, ANY_SIGN) && ok;
    ok = get(in, t->s, RATE_NODES, ANY_SIGN) && ok;
    ok = get(in, t->var, RATE_NODES, NOT_NEGATIVE) && ok;
    ok = get(in, t->sq, RATE_NODES, NOT_NEGATIVE) && ok;
    for (int side = 0; side < 2; side++)
        if (!isnan(t->null[side].difference)) {
            ok = get(in, abs_sums, ARRAY_LEN(abs_sums), NOT_NEGATIVE) && ok;
            t->abs[side] = (struct rate_abs){abs_sums[0], abs_sums[1], abs_sums[2]};
        }
    if (!isnan(t->null[TEST_FAIL].difference))
        ok = get(in, t->spent, RATE_GRID, ANY_SIGN) && ok;
    if (!isnan(t->null[TEST_PASS].difference))
        ok = get(in, t->abs_s, RATE_ABS, ANY_SIGN) && ok;
    if (!ok || in->bad) {
        rate_ratio_init(t, NULL, NULL);
        return err_set(err, ERR_CORRUPT, "rate ratio: cut short, or a sum that no blocks give");
    }
    t->c0 = totals[0];
    t->x0 = totals[1];
    t->c1 = totals[2];
    t->x1 = totals[3];
    t->recent = (struct rate_block){totals[4], totals[5], totals[6], totals[7]};
    if ((t->blocks > 0) != (t->x0 > 0 && t->x1 > 0 && t->recent.x0 > 0 && t->recent.x1 > 0)) {
        rate_ratio_init(t, NULL, NULL);
        return err_set(err, ERR_CORRUPT, "rate ratio: blocks without exposure, or the reverse");
    }
    return scatter_decode(&t->scatter, in, err);
}
