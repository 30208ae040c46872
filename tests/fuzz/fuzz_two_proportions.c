// rooms: base sketch stats
/*
 * Random margins and blocks through the plug-in test of two proportions, and random bytes through
 * its decoder and the multinomial's: results stay finite, what was decoded can be gone on with.
 */
#include "stats/anytime/multinomial.h"
#include "stats/anytime/two_proportions.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static double count(struct bytes *in)
{
    double mantissa = (bytes_u8(in) * 256 + bytes_u8(in)) / 65536.0;
    return floor(mantissa * pow(10, bytes_u8(in) % 13));
}

static void go_on(struct two_proportions *t, struct bytes *in)
{
    for (int i = 0; i < 32 && in->left; i++) {
        struct binomial_block b;
        b.n0 = count(in);
        b.y0 = fmin(b.n0, count(in));
        b.n1 = count(in);
        b.y1 = fmin(b.n1, count(in));
        two_proportions_take(t, &b);
        require(isfinite(t->log_e_equal) && isfinite(t->log_e_fail) && isfinite(t->log_e_pass));
        require(t->best_equal >= t->log_e_equal && t->best_equal >= 0);
    }
}

static void split(struct multinomial *t, struct bytes *in)
{
    for (int i = 0; i < 32 && in->left && t->arms; i++) {
        double counts[MULTINOMIAL_ARMS];
        for (unsigned j = 0; j < t->arms; j++)
            counts[j] = count(in);
        multinomial_take(t, counts);
    }
    require(isfinite(multinomial_log_e(t)) && multinomial_dispersion(t) >= 1);
    if (t->arms) {
        double low[MULTINOMIAL_ARMS], high[MULTINOMIAL_ARMS];
        dirichlet_multinomial_interval(t->count, t->share, t->arms, 100, 0.05, low, high);
        for (unsigned j = 0; j < t->arms; j++)
            require(low[j] >= 0 && low[j] <= high[j] && high[j] <= 1);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct two_proportions t;
    struct multinomial m;
    gsl_set_error_handler_off();
    if (two_proportions_decode(&t, &in, NULL) == 0)
        go_on(&t, &in);
    in = bytes_of(data, len);
    if (multinomial_decode(&m, &in, NULL) == 0)
        split(&m, &in);
    in = bytes_of(data, len);
    two_proportions_init(&t, 0.001 * (1 + bytes_u8(&in)), bytes_u8(&in) / 256.0 - 0.5,
                         bytes_u8(&in) / 256.0 - 0.5);
    go_on(&t, &in);
    in = bytes_of(data, len);
    unsigned arms = 2 + bytes_u8(&in) % (MULTINOMIAL_ARMS - 1);
    double share[MULTINOMIAL_ARMS], sum = 0;
    for (unsigned j = 0; j < arms; j++)
        sum += share[j] = 1 + bytes_u8(&in);
    for (unsigned j = 0; j < arms; j++)
        share[j] /= sum;
    multinomial_init(&m, share, arms);
    split(&m, &in);
    return 0;
}
