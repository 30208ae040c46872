// rooms: base sketch stats
/*
 * Random nulls and blocks through the odds-ratio test, and random bytes through its decoder: no
 * result is NaN or infinite where the header says finite, limits are ordered, nothing crashes or
 * runs away.
 */
#include "stats/anytime/odds_ratio.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* A whole number of any size up to 1e12. */
static double count(struct bytes *in)
{
    double mantissa = (bytes_u8(in) * 256 + bytes_u8(in)) / 65536.0;
    return floor(mantissa * pow(10, bytes_u8(in) % 13));
}

/* A number of successes among n, often at or next to an end. */
static double part_of(double n, struct bytes *in)
{
    unsigned kind = bytes_u8(in) % 4;
    double some = fmin(count(in), n);
    return kind == 0 ? some : kind == 1 ? n - some : kind == 2 ? floor(n * 0.5) : floor(n * 0.99);
}

static void read_all(const struct odds_ratio *t)
{
    for (int s = 0; s < 2; s++) {
        enum test_side side = (enum test_side)s;
        struct rate_dispersion d = odds_ratio_dispersion(t, side);
        double p = odds_ratio_p(t, side);
        require(isfinite(odds_ratio_log_e(t, side)));
        require(isfinite(odds_ratio_log_e_untempered(t, side)));
        require(p >= 0 && p <= 1);
        require(!isnan(d.used) && d.used >= 1 && correlation_ok(&d.correlation));
    }
    for (double alpha = 1e-6; alpha < 1; alpha *= 50) {
        struct ratio_interval i;
        if (odds_ratio_interval(t, alpha, &i))
            require(i.lower >= 0 && i.lower <= i.estimate && i.estimate <= i.upper);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct odds_ratio t;
    double null[2];
    gsl_set_error_handler_off();
    if (odds_ratio_decode(&t, &in, NULL) == 0)
        read_all(&t);
    in = bytes_of(data, len);
    for (int s = 0; s < 2; s++) {
        null[s] = bytes_u8(&in) / 5.0;
        if (!odds_null_ok(null[s]))
            null[s] = NAN;
    }
    odds_ratio_init(&t, null[TEST_FAIL], null[TEST_PASS]);
    for (int i = 0; i < 64 && in.left; i++) {
        struct binomial_block b;
        b.n0 = count(&in);
        b.y0 = part_of(b.n0, &in);
        b.n1 = count(&in);
        b.y1 = part_of(b.n1, &in);
        require(binomial_block_ok(&b));
        odds_ratio_take(&t, &b);
        if (b.n0 < b.n1)
            odds_ratio_new_segment(&t);
    }
    read_all(&t);
    return 0;
}
