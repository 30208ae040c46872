// rooms: stats sketch base
/*
 * Any bytes as the checkpoint of a test of means, ratios or series: refused by name, or a test that
 * can be read, fed and written again, and whose log e is never NaN.
 */
#include <math.h>
#include <stdint.h>

#include "stats/anytime/mean_test.h"
#include "stats/anytime/ratio_test.h"
#include "stats/anytime/series_test.h"
#include "stats/numerics/setup.h"

#define BYTES_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct moments sample(double from, double step, int n)
{
    struct moments m;
    moments_init(&m);
    for (int i = 0; i < n; i++)
        moments_add(&m, from + step * i, 1);
    return m;
}

static void mean(struct bytes *in)
{
    struct err err = {0};
    struct mean_test t, back;
    struct buf out;
    if (mean_test_decode(&t, in, &err) < 0) {
        BUG_ON(err.code != ERR_CORRUPT || !err.message[0]);
        return;
    }
    double least = t.cap > 0 ? 0 : -3, step = t.cap > 0 ? t.cap / 16 : 1;
    for (int i = 0; i < 2; i++) {
        struct moments m0 = sample(least, step, 9), m1 = sample(least, step / 2, 4);
        struct mean_interval limits;
        for (int side = 0; side < 2; side++) {
            BUG_ON(isnan(mean_test_log_e(&t, (enum test_side)side)));
            BUG_ON(isnan(mean_test_eta(&t, (enum test_side)side, 0.01)));
            mean_test_dispersion(&t, (enum test_side)side);
        }
        mean_test_interval(&t, 0.05, &limits);
        mean_test_limit(&t, i, 0.01, true);
        mean_test_take(&t, &(struct mean_block){&m0, &m1});
    }
    buf_init(&out, BYTES_MAX);
    mean_test_encode(&t, &out);
    struct bytes again = bytes_of(out.data, out.len);
    BUG_ON(mean_test_decode(&back, &again, &err) < 0);
    buf_release(&out);
}

static void ratio(struct bytes *in)
{
    struct err err = {0};
    struct ratio_test t, back;
    struct buf out;
    if (ratio_test_decode(&t, in, &err) < 0) {
        BUG_ON(err.code != ERR_CORRUPT || !err.message[0]);
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct ratio_interval limits;
        for (int side = 0; side < 2; side++) {
            BUG_ON(isnan(ratio_test_log_e(&t, (enum test_side)side)));
            BUG_ON(isnan(ratio_test_eta(&t, (enum test_side)side, 0.01)));
            ratio_test_dispersion(&t, (enum test_side)side);
        }
        ratio_test_interval(&t, 0.05, &limits);
        ratio_test_limit(&t, i, 0.01, true);
        ratio_test_take(&t, &(struct ratio_block){5, 3 + i, 2, 1});
    }
    buf_init(&out, BYTES_MAX);
    ratio_test_encode(&t, &out);
    struct bytes again = bytes_of(out.data, out.len);
    BUG_ON(ratio_test_decode(&back, &again, &err) < 0);
    buf_release(&out);
}

static void series(struct bytes *in)
{
    struct err err = {0};
    struct series_test t, back;
    struct buf out;
    if (series_test_decode(&t, in, &err) < 0) {
        BUG_ON(err.code != ERR_CORRUPT || !err.message[0]);
        return;
    }
    for (int i = 0; i < 2; i++) {
        struct ratio_interval limits;
        for (int side = 0; side < 2; side++) {
            BUG_ON(isnan(series_test_log_e(&t, (enum test_side)side)));
            BUG_ON(isnan(series_test_eta(&t, (enum test_side)side, 0.01)));
            series_test_dispersion(&t, (enum test_side)side);
        }
        series_test_interval(&t, 0.05, &limits);
        series_test_limit(&t, i, 0.01, true);
        series_test_take(&t, &(struct series_pair){10, 11 + i});
    }
    buf_init(&out, BYTES_MAX);
    series_test_encode(&t, &out);
    struct bytes again = bytes_of(out.data, out.len);
    BUG_ON(series_test_decode(&back, &again, &err) < 0);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    stats_setup();
    if (!size)
        return 0;
    struct bytes in = bytes_of(data + 1, size - 1);
    void (*const parts[])(struct bytes * in) = {mean, ratio, series};
    parts[data[0] % 3](&in);
    return 0;
}
