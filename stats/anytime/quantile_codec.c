/*
 * The quantile test's checkpoint: form, nulls, sums, both histograms. Decoding refuses what no
 * sequence of blocks can give; what it takes gives the bits an unbroken run would have.
 */
#include <math.h>
#include <string.h>

#include "stats/anytime/quantile_test.h"

#define QUANTILE_FORM 4
#define SUM_MAX       1e100
#define LOG_E_MAX     1e16 /* of values within their limits */

static void put_residuals(const struct quantile_residuals *r, struct buf *out)
{
    buf_add_varint(out, r->base);
    buf_add_varint(out, r->far);
    buf_add_double(out, r->residual_sq);
    buf_add_double(out, r->variance);
    buf_add_double(out, r->above_base);
    buf_add_double(out, r->above1);
    buf_add_double(out, r->lately0);
    buf_add_double(out, r->lately_far);
    buf_add_double(out, r->lately1);
}

void quantile_test_encode(const struct quantile_test *t, struct buf *out)
{
    const double v[] = {t->correlation_floor.now,
                        t->correlation_floor.established,
                        t->n0,
                        t->n1,
                        t->recent0,
                        t->recent1,
                        t->lately0,
                        t->lately1};
    buf_add_u8(out, QUANTILE_FORM);
    for (int side = 0; side < 2; side++) {
        buf_add_double(out, t->null[side].p);
        buf_add_double(out, t->null[side].factor);
        buf_add_double(out, t->null[side].share);
    }
    buf_add_double(out, t->ended.log_e_fail);
    for (int arm = 0; arm < 2; arm++) {
        buf_add_double(out, t->ended.n[arm]);
        buf_add_double(out, t->ended.quantile[arm]);
    }
    buf_add_varint(out, t->blocks);
    buf_add_varint(out, t->paired);
    buf_add_u8(out, t->has_edges);
    buf_add_double(out, t->odds);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        buf_add_double(out, v[i]);
    for (int j = 0; j < QUANTILE_LADDER && !isnan(t->null[TEST_FAIL].p); j++)
        put_residuals(&t->fail[j], out);
    if (!isnan(t->null[TEST_PASS].p))
        put_residuals(&t->pass, out);
    scatter_encode(&t->scatter, out);
    hist_encode(&t->h0, out);
    hist_encode(&t->h1, out);
}

static bool get(struct bytes *in, double *v)
{
    *v = bytes_double(in);
    return *v >= 0 && *v <= SUM_MAX;
}

static bool get_residuals(struct bytes *in, struct quantile_residuals *r)
{
    unsigned long long base = bytes_varint(in), far = bytes_varint(in);
    bool ok = base < HIST_BUCKETS && far < HIST_BUCKETS;
    r->base = ok ? (uint32_t)base : 0;
    r->far = ok ? (uint32_t)far : 0;
    ok = get(in, &r->residual_sq) && ok;
    ok = get(in, &r->variance) && ok;
    ok = get(in, &r->above_base) && ok;
    ok = get(in, &r->above1) && ok;
    ok = get(in, &r->lately0) && ok;
    ok = get(in, &r->lately_far) && ok;
    return get(in, &r->lately1) && ok;
}

static bool decode_nulls(struct quantile_test *t, struct bytes *in)
{
    struct quantile_null null[2];
    const struct quantile_null *given[2] = {NULL, NULL};
    for (int side = 0; side < 2; side++) {
        null[side].p = bytes_double(in);
        null[side].factor = bytes_double(in);
        null[side].share = bytes_double(in);
        if (isnan(null[side].p))
            continue;
        if (!quantile_null_ok(&null[side]))
            return false;
        given[side] = &null[side];
    }
    if (given[0] && given[1] && null[0].p != null[1].p)
        return false;
    quantile_test_init(t, given[0], given[1]);
    return !in->bad;
}

static bool decode_ended(struct quantile_ended *e, struct bytes *in)
{
    e->log_e_fail = bytes_double(in);
    bool ok = fabs(e->log_e_fail) <= LOG_E_MAX;
    for (int arm = 0; arm < 2; arm++) {
        ok = get(in, &e->n[arm]) && ok;
        double q = e->quantile[arm] = bytes_double(in);
        ok = ok && (isnan(q) || (e->n[arm] > 0 && q >= 0 && q <= 2 * HIST_HUGE));
    }
    return ok;
}

static bool decode_sums(struct quantile_test *t, struct bytes *in)
{
    double *const v[] = {&t->correlation_floor.now,
                         &t->correlation_floor.established,
                         &t->n0,
                         &t->n1,
                         &t->recent0,
                         &t->recent1,
                         &t->lately0,
                         &t->lately1};
    unsigned long long paired;
    unsigned has_edges;
    bool ok = decode_ended(&t->ended, in);
    t->blocks = bytes_varint(in);
    paired = bytes_varint(in);
    has_edges = bytes_u8(in);
    t->paired = (uint32_t)paired;
    t->has_edges = has_edges == 1;
    t->odds = bytes_double(in);
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        ok = get(in, v[i]) && ok;
    for (int j = 0; j < QUANTILE_LADDER && !isnan(t->null[TEST_FAIL].p); j++)
        ok = get_residuals(in, &t->fail[j]) && ok;
    if (!isnan(t->null[TEST_PASS].p))
        ok = get_residuals(in, &t->pass) && ok;
    ok = ok && !in->bad && has_edges <= 1 && paired <= UINT32_MAX &&
         correlation_ok(&t->correlation_floor);
    ok = ok && (isnan(t->odds) || (t->odds > 0 && t->odds <= SUM_MAX));
    return ok && (t->n0 > 0) == (t->n1 > 0) && (t->n0 > 0) == (paired > 0);
}

int quantile_test_decode(struct quantile_test *t, struct bytes *in, struct err *err)
{
    quantile_test_init(t, NULL, NULL);
    if (bytes_u8(in) != QUANTILE_FORM)
        return err_set(err, ERR_CORRUPT, "quantile test: unknown form");
    if (!decode_nulls(t, in) || !decode_sums(t, in)) {
        quantile_test_init(t, NULL, NULL);
        return err_set(err, ERR_CORRUPT, "quantile test: cut short, or sums that no blocks give");
    }
    if (scatter_decode(&t->scatter, in, err) < 0 || hist_decode(&t->h0, in, err) < 0 ||
        hist_decode(&t->h1, in, err) < 0) {
        quantile_test_release(t);
        quantile_test_init(t, NULL, NULL);
        return err_context(err, "quantile test");
    }
    return 0;
}
