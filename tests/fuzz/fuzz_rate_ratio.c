// rooms: base sketch stats
/*
 * Random nulls and blocks through the rate-ratio test, and random bytes through its decoder: no
 * result is NaN or infinite where the header says finite, limits are ordered, nothing crashes.
 */
#include "stats/anytime/rate_ratio.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* A value of any size from three bytes: mantissa and a power of ten from 1e-9 to 1e15. */
static double value(struct bytes *in)
{
    double mantissa = (bytes_u8(in) * 256 + bytes_u8(in)) / 65536.0;
    return mantissa * pow(10, (int)(bytes_u8(in) % 25) - 9);
}

static void read_all(const struct rate_ratio *t)
{
    for (int s = 0; s < 2; s++) {
        enum test_side side = (enum test_side)s;
        struct rate_dispersion d = rate_ratio_dispersion(t, side);
        require(isfinite(rate_ratio_log_e(t, side)));
        require(isfinite(rate_ratio_log_e_untempered(t, side)));
        require(!isnan(rate_ratio_eta(t, side, 0.05)) && rate_ratio_eta(t, side, 0.05) >= 0);
        require(!isnan(d.used) && d.used >= 1 && correlation_ok(&d.correlation));
    }
    for (double alpha = 1e-6; alpha < 1; alpha *= 50) {
        struct ratio_interval i;
        if (rate_ratio_interval(t, alpha, &i))
            require(i.lower >= 0 && i.lower <= i.estimate && i.estimate <= i.upper);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct rate_ratio t;
    struct rate_null null[2];
    const struct rate_null *given[2] = {NULL, NULL};
    gsl_set_error_handler_off();
    if (rate_ratio_decode(&t, &in, NULL) == 0)
        read_all(&t);
    in = bytes_of(data, len);
    for (int s = 0; s < 2; s++) {
        unsigned parts = bytes_u8(&in);
        null[s].ratio = parts & 1 ? value(&in) : NAN;
        null[s].difference = parts & 2 ? value(&in) : NAN;
        given[s] = rate_null_ok(&null[s]) ? &null[s] : NULL;
    }
    rate_ratio_init(&t, given[TEST_FAIL], given[TEST_PASS]);
    for (int i = 0; i < 64 && in.left; i++) {
        struct rate_block b;
        b.c0 = value(&in);
        b.x0 = value(&in);
        b.c1 = value(&in);
        b.x1 = value(&in);
        if (rate_block_ok(&b))
            rate_ratio_take(&t, &b);
        if (b.c0 > b.x0)
            rate_ratio_new_segment(&t);
    }
    read_all(&t);
    return 0;
}
