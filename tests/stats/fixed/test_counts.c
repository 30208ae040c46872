/* Tests of counts against sums over all outcomes. */
#include "stats/fixed/chi_squared.h"
#include "stats/fixed/exact_counts.h"
#include "stats/fixed/fisher_exact.h"
#include "stats/fixed/proportion_test.h"

#include "stats/numerics/tails.h"
#include "tests/t.h"

static double choose(double n, double k)
{
    return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1));
}

static void binomial_by_enumeration(void)
{
    static const double nulls[] = {0, 0.01, 0.3, 0.5, 0.9, 1};
    for (int n = 1; n < 30; n += 4)
        for (int x = 0; x <= n; x++)
            for (int i = 0; i < 6; i++) {
                double p = nulls[i], as_far[3] = {0, 0, 0};
                double seen = choose(n, x) * pow(p, x) * pow(1 - p, n - x);
                for (int k = 0; k <= n; k++) {
                    double d = choose(n, k) * pow(p, k) * pow(1 - p, n - k);
                    as_far[TWO_SIDED] += d <= seen * (1 + 1e-7) ? d : 0;
                    as_far[LESS] += k <= x ? d : 0;
                    as_far[GREATER] += k >= x ? d : 0;
                }
                for (int a = 0; a < 3; a++) {
                    struct exact_question q = {(enum alternative)a, p, 0.95};
                    struct exact_test r;
                    T_CHECK(binomial_test(&r, x, n, &q, NULL) == 0);
                    T_NEAR(r.p, fmin(1, as_far[a]), 1e-11, 1e-300);
                    T_CHECK(r.limits.low <= r.estimate && r.estimate <= r.limits.high);
                }
            }
}

/* A limit is where the one-sided test reaches half of the error. */
static void limits_invert_the_test(void)
{
    for (double n = 5; n <= 5e11; n *= 37)
        for (double share = 0.001; share < 1; share += 0.111) {
            double x = floor(n * share);
            struct limits at = clopper_pearson(floor(x), floor(n), TWO_SIDED, 0.9);
            if (x > 0)
                T_NEAR(binomial_log_upper(x, floor(n), at.low), log(0.05), 1e-6, 0);
            T_NEAR(binomial_log_lower(x, floor(n), at.high), log(0.05), 1e-6, 0);
        }
}

static void poisson_by_enumeration(void)
{
    for (int x = 0; x < 30; x += 3)
        for (double mean = 0.2; mean < 60; mean *= 1.7) {
            double as_far = 0, seen = exp(x * log(mean) - mean - lgamma(x + 1.0));
            struct exact_test r;
            for (int k = 0; k < 400; k++) {
                double d = exp(k * log(mean) - mean - lgamma(k + 1.0));
                as_far += d <= seen * (1 + 1e-7) ? d : 0;
            }
            T_CHECK(poisson_test(&r, &(struct events){x, 2},
                                 &(struct exact_question){TWO_SIDED, mean / 2, 0.95}, NULL) == 0);
            T_NEAR(r.p, as_far, 1e-11, 0);
            T_NEAR(r.estimate, x / 2.0, 0, 0);
            T_CHECK(r.limits.low <= r.estimate && r.estimate <= r.limits.high);
        }
}

/* Arms swapped: the ratio turns over. */
static void rate_ratio_turns_over(void)
{
    const struct events a = {40, 3}, b = {11, 7}, none = {0, 1};
    struct exact_test r, s;
    struct exact_question q = {LESS, 0.8, 0.99}, back = {GREATER, 1.25, 0.99};
    T_CHECK(poisson_ratio_test(&r, &b, &a, &q, NULL) == 0);
    T_CHECK(poisson_ratio_test(&s, &a, &b, &back, NULL) == 0);
    T_NEAR(r.p, s.p, 1e-12, 0);
    T_NEAR(r.limits.high, 1 / s.limits.low, 1e-12, 0);
    T_NEAR(r.estimate, 1 / s.estimate, 1e-14, 0);
    T_CHECK(poisson_ratio_test(&r, &none, &none, &q, NULL) == 0);
    T_CHECK(r.p == 1 && r.limits.low == 0 && r.limits.high == INFINITY && isnan(r.estimate));
}

/* 1 - confidence is 1 in doubles. R 4.2.2: poisson.test(), binom.test() with conf.level = 1e-300.
 */
static void no_confidence_leaves_no_interval(void)
{
    const struct events seven = {7, 7};
    struct exact_test r;
    struct exact_question q = {GREATER, 1, 1e-300};
    T_CHECK(poisson_ratio_test(&r, &seven, &seven, &q, NULL) == 0 && r.limits.low == INFINITY);
    T_CHECK(poisson_test(&r, &seven, &q, NULL) == 0 && r.limits.low == INFINITY);
    q = (struct exact_question){LESS, 0.5, 1e-300};
    T_CHECK(poisson_ratio_test(&r, &seven, &seven, &q, NULL) == 0 && r.limits.high == 0);
    T_CHECK(poisson_test(&r, &seven, &q, NULL) == 0 && r.limits.high == 0);
    T_CHECK(binomial_test(&r, 7, 9, &q, NULL) == 0 && r.limits.high == 0);
    q.alternative = GREATER;
    T_CHECK(binomial_test(&r, 7, 9, &q, NULL) == 0 && r.limits.low == 1);
}

static void fisher_by_enumeration(void)
{
    static const double odds[] = {0.2, 1, 1.7};
    for (int n1 = 1; n1 < 12; n1 += 3)
        for (int n2 = 2; n2 < 14; n2 += 4)
            for (int x1 = 0; x1 <= n1; x1++)
                for (int x2 = 0; x2 <= n2; x2++)
                    for (int i = 0; i < 3; i++) {
                        double k = x1 + x2, total = 0, as_far[3] = {0, 0, 0}, seen;
                        double p[32] = {0};
                        for (int u = 0; u <= n1 && u <= k; u++) {
                            p[u] = k - u > n2 ? 0
                                              : choose(n1, u) * choose(n2, k - u) * pow(odds[i], u);
                            total += p[u];
                        }
                        seen = p[x1];
                        for (int u = 0; u <= n1 && u <= k; u++) {
                            as_far[TWO_SIDED] += p[u] <= seen * (1 + 1e-7) ? p[u] : 0;
                            as_far[LESS] += u <= x1 ? p[u] : 0;
                            as_far[GREATER] += u >= x1 ? p[u] : 0;
                        }
                        for (int a = 0; a < 3; a++) {
                            struct fisher_question q = {(enum alternative)a, odds[i], 0.95, 0};
                            struct fisher_exact r;
                            T_CHECK(fisher_exact(&r, &(struct trials){x1, n1},
                                                 &(struct trials){x2, n2}, &q, NULL) == 0);
                            T_NEAR(r.p, as_far[a] / total, 1e-11, 0);
                        }
                    }
}

/* The estimate is where the mean is x1; a limit where a one-sided p is alpha/2. */
static void fisher_estimates(void)
{
    const struct trials one = {13, 40}, two = {700, 9000};
    struct fisher_question q = {TWO_SIDED, 1, 0.9, 0};
    struct fisher_exact r, s, t, swapped;
    T_CHECK(fisher_exact(&r, &one, &two, &q, NULL) == 0);
    T_CHECK(fisher_exact(&swapped, &two, &one, &q, NULL) == 0);
    T_NEAR(swapped.odds_ratio, 1 / r.odds_ratio, 1e-12, 0);
    T_NEAR(swapped.limits.low, 1 / r.limits.high, 1e-12, 0);
    q.alternative = GREATER;
    q.null = r.limits.low;
    T_CHECK(fisher_exact(&s, &one, &two, &q, NULL) == 0);
    T_NEAR(s.p, 0.05, 1e-11, 0);
    q.alternative = LESS;
    q.null = r.limits.high;
    T_CHECK(fisher_exact(&t, &one, &two, &q, NULL) == 0);
    T_NEAR(t.p, 0.05, 1e-11, 0);
}

/* One group is the square of a z; two groups are the 2 x 2 table; many groups the long one. */
static void chi_squares_agree(void)
{
    const struct trials g[] = {{9, 31}, {2, 25}, {12, 40}};
    const double table[] = {9, 2, 12, 22, 23, 28}, two_by_two[] = {9, 2, 22, 23};
    const double split[] = {9, 22}, shares[] = {0.3, 0.7}, null = 0.3;
    for (int correct = 0; correct < 2; correct++) {
        struct proportion_question q = {TWO_SIDED, 0.95, correct};
        struct proportion_test r;
        struct chi_squared c;
        T_CHECK(proportion_test(&r, g, 2, NULL, &q, NULL) == 0);
        T_CHECK(chi_squared_table(&c, two_by_two, 2, 2, correct, NULL) == 0);
        T_NEAR(r.chi_squared, c.statistic, 1e-12, 0);
        T_NEAR(r.p, c.p, 1e-12, 0);
        T_CHECK(proportion_test(&r, g, 3, NULL, &q, NULL) == 0);
        T_CHECK(chi_squared_table(&c, table, 2, 3, correct, NULL) == 0);
        T_NEAR(r.chi_squared, c.statistic, 1e-12, 0);
        T_CHECK(r.df == 2 && c.df == 2 && isnan(r.limits.low));
        q.alternative = GREATER;
        T_CHECK(proportion_test(&r, g, 1, &null, &q, NULL) == 0);
        if (!correct) {
            T_CHECK(chi_squared_goodness(&c, split, shares, 2, NULL) == 0);
            T_NEAR(r.chi_squared, c.statistic, 1e-12, 0);
            T_CHECK(r.limits.low > 0.15 && r.limits.low < null && r.limits.high == 1);
        }
    }
}

/* Given nulls for several groups: R 4.2.2. */
static void given_nulls(void)
{
    const struct trials g[] = {{9, 31}, {2, 25}, {12, 40}};
    const double null[] = {0.3, 0.1, 0.2};
    struct proportion_question q = {LESS, 0.95, true};
    struct proportion_test r;
    T_CHECK(proportion_test(&r, g, 2, null, &q, NULL) == 0);
    T_NEAR(r.chi_squared, 0.00614439324116747, 1e-12, 0);
    T_NEAR(r.p, 0.996932517746397, 1e-12, 0);
    T_CHECK(r.df == 2 && isnan(r.limits.low));
    T_CHECK(proportion_test(&r, g, 3, null, &q, NULL) == 0);
    T_NEAR(r.chi_squared, 2.62493599590374, 1e-12, 0);
    T_NEAR(r.p, 0.453134705880855, 1e-12, 0);
    T_CHECK(r.df == 3);
}

static void refuses(void)
{
    const double nan[] = {1, NAN}, zero[] = {0, 0}, fine[] = {3, 4}, off[] = {0.5, 0.4};
    const struct exact_question q = {TWO_SIDED, 0.5, 0.95}, bad = {TWO_SIDED, NAN, 0.95};
    const struct proportion_question pq = {TWO_SIDED, 0.95, true};
    const struct fisher_question fq = {TWO_SIDED, 1, 0.95, 0};
    struct chi_squared c;
    struct exact_test e;
    struct proportion_test p;
    struct fisher_exact f;
    T_CHECK(chi_squared_goodness(&c, nan, fine, 2, NULL) != 0);
    T_CHECK(chi_squared_goodness(&c, zero, off, 2, NULL) != 0);
    T_CHECK(chi_squared_goodness(&c, fine, off, 2, NULL) != 0);
    T_CHECK(chi_squared_table(&c, nan, 2, 1, true, NULL) != 0);
    T_CHECK(chi_squared_table(&c, fine, 1, 1, true, NULL) != 0);
    T_CHECK(binomial_test(&e, 1.5, 3, &q, NULL) != 0);
    T_CHECK(binomial_test(&e, 4, 3, &q, NULL) != 0);
    T_CHECK(binomial_test(&e, NAN, 3, &q, NULL) != 0);
    T_CHECK(binomial_test(&e, 1, 3, &bad, NULL) != 0);
    T_CHECK(poisson_test(&e, &(struct events){1, 0}, &q, NULL) != 0);
    T_CHECK(poisson_test(&e, &(struct events){1, NAN}, &q, NULL) != 0);
    T_CHECK(poisson_ratio_test(&e, &(struct events){1, 1}, &(struct events){-1, 1}, &q, NULL) != 0);
    T_CHECK(proportion_test(&p, &(struct trials){NAN, 3}, 1, NULL, &pq, NULL) != 0);
    T_CHECK(proportion_test(&p, &(struct trials){1, 0}, 1, NULL, &pq, NULL) != 0);
    T_CHECK(fisher_exact(&f, &(struct trials){1, 2}, &(struct trials){1, NAN}, &fq, NULL) != 0);
    T_CHECK(fisher_exact(&f, &(struct trials){0.5, 2}, &(struct trials){1, 2}, &fq, NULL) != 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"binomial_by_enumeration", binomial_by_enumeration},
        {"limits_invert_the_test", limits_invert_the_test},
        {"poisson_by_enumeration", poisson_by_enumeration},
        {"rate_ratio_turns_over", rate_ratio_turns_over},
        {"no_confidence_leaves_no_interval", no_confidence_leaves_no_interval},
        {"fisher_by_enumeration", fisher_by_enumeration},
        {"fisher_estimates", fisher_estimates},
        {"chi_squares_agree", chi_squares_agree},
        {"given_nulls", given_nulls},
        {"refuses", refuses},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
