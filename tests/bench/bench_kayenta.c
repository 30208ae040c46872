// rooms: stats sketch base
/*
 * One metric through the judge of stats/kayenta: the median time of a verdict on n normal values a
 * side, a shift of half a standard deviation. Kayenta's own classes (its JVM warm) took 3.6, 97
 * and 957 ms on the machine of the reference. The floor is sorting both series once with qsort(),
 * which any rank test does.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/kayenta/classify.h"
#include "stats/kayenta/random48.h"
#include "tests/bench/clock.h"
#include "tests/t.h"

#define VALUES_MAX 10080
#define ROUNDS     15

static void draw(struct random48 *r, double *v, size_t n, double mean)
{
    for (size_t i = 0; i < n; i++)
        v[i] = mean + random48_normal(r);
}

static double sort_both(const double *e, const double *c, size_t n)
{
    static double copy[VALUES_MAX];
    double sum = 0;
    for (int side = 0; side < 2; side++) {
        memcpy(copy, side ? c : e, n * sizeof(*copy));
        qsort(copy, n, sizeof(*copy), bench_compare);
        sum += copy[n / 2];
    }
    return sum;
}

static void bench_size(size_t n, double wanted_us)
{
    static double e[VALUES_MAX], c[VALUES_MAX];
    const struct aca_options o = aca_options_default(ACA_MEAN_RATIO);
    const int repeats = n < 1000 ? 200 : n < 5000 ? 10 : 2;
    double ours[ROUNDS], theirs[ROUNDS], sum = 0;
    struct random48 r;
    random48_init(&r, 42);
    for (int round = 0; round < ROUNDS; round++) {
        draw(&r, e, n, 50.5);
        draw(&r, c, n, 50);
        double start = bench_cpu_us();
        for (int i = 0; i < repeats; i++)
            sum += aca_classify(&o, e, n, c, n).interval.estimate;
        ours[round] = (bench_cpu_us() - start) / repeats;
        start = bench_cpu_us();
        for (int i = 0; i < repeats; i++)
            sum += sort_both(e, c, n);
        theirs[round] = (bench_cpu_us() - start) / repeats;
    }
    T_CHECK(isfinite(sum));
    const double us = bench_median(ours, ROUNDS), floor_us = bench_median(theirs, ROUNDS);
    printf(
        "JSON {\"bench\": \"kayenta\", \"what\": \"one metric as Kayenta judges it, %zu values a "
        "side\", \"value\": %.1f, \"unit\": \"us\", \"floor\": %.1f, \"floor_is\": \"sorting both "
        "sides\", \"ratio\": %.3g, \"wanted\": \"<= %.0f us\", \"met\": %s}\n",
        n, us, floor_us, us / floor_us, wanted_us, us <= wanted_us ? "true" : "false");
}

static void bench(void)
{
    bench_size(60, 200);
    bench_size(1440, 3000);
    bench_size(10080, 30000);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"kayenta", bench}};
    return t_main(argc, argv, tests, 1);
}
