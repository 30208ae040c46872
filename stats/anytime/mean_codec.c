/*
 * The mean test's checkpoint: form, nulls, sums. Doubles are stored as their bits: replay after a
 * decode gives what an unbroken run gives.
 */
#include <math.h>

#include "stats/anytime/mean_test.h"

#define MEAN_FORM 1
#define SUM_MAX   1e100

void mean_test_encode(const struct mean_test *t, struct buf *out)
{
    buf_add_u8(out, MEAN_FORM);
    contrast_nulls_encode(t->null, out);
    buf_add_double(out, t->cap);
    contrast_encode(&t->c, out);
    buf_add_double(out, t->p);
    buf_add_double(out, t->q);
    for (int i = 0; i < 2; i++) {
        moments_encode(&t->arm[i].all, out);
        buf_add_double(out, t->arm[i].within_sq);
        buf_add_double(out, t->arm[i].within_free);
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; !isnan(t->bound[i].r) && j < BOUND_NODES; j++)
            buf_add_double(out, t->bound[i].log_e[j]);
}

static bool get(struct bytes *in, double *v, double least)
{
    *v = bytes_double(in);
    return *v >= least && *v <= SUM_MAX;
}

static int decode_nulls(struct mean_test *t, struct bytes *in, struct err *err)
{
    struct contrast_null null[2];
    const struct contrast_null *given[2];
    if (contrast_nulls_decode(null, given, in, err) < 0)
        return -1;
    double cap = bytes_double(in);
    if (in->bad || !(isnan(cap) || (cap >= MEAN_CAP_MIN && cap <= 1e15)))
        return err_set(err, ERR_CORRUPT, "mean test: an impossible cap");
    mean_test_init(t, given[TEST_FAIL], given[TEST_PASS], cap);
    return 0;
}

static int decode_sums(struct mean_test *t, struct bytes *in, struct err *err)
{
    bool ok;
    if (contrast_decode(&t->c, in, err) < 0)
        return -1;
    ok = get(in, &t->p, 0);
    ok = get(in, &t->q, 0) && ok;
    for (int i = 0; i < 2; i++) {
        if (contrast_moments_decode(&t->arm[i].all, in, err) < 0)
            return -1;
        ok = get(in, &t->arm[i].within_sq, 0) && ok;
        ok = get(in, &t->arm[i].within_free, 0) && ok;
        const struct moments *all = &t->arm[i].all;
        ok = ok && (all->n > 0) == (t->c.blocks > 0);
        ok = ok && (isnan(t->cap) || !all->n || (all->min >= 0 && all->max <= t->cap));
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; !isnan(t->bound[i].r) && j < BOUND_NODES; j++)
            ok = get(in, &t->bound[i].log_e[j], -SUM_MAX) && ok;
    if (!ok || in->bad)
        return err_set(err, ERR_CORRUPT, "mean test: cut short, or a sum that no blocks give");
    return 0;
}

int mean_test_decode(struct mean_test *t, struct bytes *in, struct err *err)
{
    mean_test_init(t, NULL, NULL, NAN);
    if (bytes_u8(in) != MEAN_FORM)
        return err_set(err, ERR_CORRUPT, "mean test: unknown form");
    if (decode_nulls(t, in, err) == 0 && decode_sums(t, in, err) == 0)
        return 0;
    mean_test_init(t, NULL, NULL, NAN);
    return -1;
}
