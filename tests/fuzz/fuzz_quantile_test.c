// rooms: base sketch stats
/*
 * Random nulls and histograms (with spans) through the quantile test, and random bytes through its
 * decoder: log e-values finite, limits ordered, nothing crashes.
 */
#include "stats/anytime/quantile_test.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void ordered(const struct ratio_interval *i)
{
    require(!isnan(i->lower) && !isnan(i->upper) && i->lower >= 0 && i->lower <= i->upper);
}

static void read_all(const struct quantile_test *t)
{
    struct quantile_interval i;
    for (int s = 0; s < 2; s++) {
        enum test_side side = (enum test_side)s;
        require(isfinite(quantile_test_log_e(t, side)));
        require(isfinite(quantile_test_log_e_untempered(t, side)));
        require(!isnan(quantile_test_eta(t, side, 0.05)));
        require(quantile_test_dispersion(t, side).used >= 1);
    }
    quantile_test_interval(t, 0.05, &i);
    ordered(&i.ratio);
    ordered(&i.baseline);
    ordered(&i.candidate);
}

static void fill(struct hist *h, struct bytes *in)
{
    unsigned cells = bytes_u8(in) % 12;
    hist_init(h);
    while (cells--) {
        uint32_t lo = (bytes_u8(in) * 256 + bytes_u8(in)) % HIST_BUCKETS, hi = lo;
        unsigned kind = bytes_u8(in);
        uint64_t n = kind & 2 ? bytes_u8(in) : (uint64_t)bytes_u8(in) << (kind >> 3);
        if (kind & 1)
            hi = lo + bytes_u8(in) * 64;
        hist_add_cell(h, lo, hi < HIST_BUCKETS ? hi : HIST_BUCKETS - 1, n);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct quantile_test t;
    struct quantile_null null[2];
    const struct quantile_null *given[2] = {NULL, NULL};
    gsl_set_error_handler_off();
    if (quantile_test_decode(&t, &in, NULL) == 0)
        read_all(&t);
    quantile_test_release(&t);
    in = bytes_of(data, len);
    for (int s = 0; s < 2; s++) {
        null[s].p = bytes_u8(&in) / 255.0;
        null[s].factor = 1 + bytes_u8(&in) / 40.0;
        null[s].share = bytes_u8(&in) / 255.0;
        given[s] = quantile_null_ok(&null[s]) ? &null[s] : NULL;
    }
    if (given[0] && given[1])
        null[1].p = null[0].p;
    quantile_test_init(&t, given[TEST_FAIL], given[TEST_PASS]);
    for (int i = 0; i < 30 && in.left; i++) {
        struct hist h0, h1;
        if (bytes_u8(&in) > 240)
            quantile_test_new_segment(&t);
        fill(&h0, &in);
        fill(&h1, &in);
        quantile_test_take(&t, &(struct quantile_block){&h0, &h1});
        hist_release(&h0);
        hist_release(&h1);
    }
    read_all(&t);
    quantile_test_release(&t);
    return 0;
}
