#include "stats/kayenta/zeroin.h"

#include <math.h>

#include "tests/t.h"

static int calls;

static double cubic(double x, void *ctx)
{
    calls++;
    return x * x * x - *(double *)ctx;
}

static double step(double x, void *ctx)
{
    calls++;
    return x < *(double *)ctx ? 1 : -1;
}

static struct zeroin_point at(double (*f)(double, void *), void *ctx, double x)
{
    return (struct zeroin_point){x, f(x, ctx)};
}

static double solve(double (*f)(double, void *), double *ctx, double a, double b, double tol)
{
    return zeroin(f, ctx, at(f, ctx, a), at(f, ctx, b), tol, 1000);
}

static void continuous(void)
{
    for (double c = -20; c <= 20; c += 0.7) {
        const double root = cbrt(c);
        calls = 0;
        T_NEAR(solve(cubic, &c, -3, 4, 1e-12), root, 0, 1e-12);
        T_CHECK(calls < 80);
        T_NEAR(solve(cubic, &c, 4, -3, 1e-4), root, 0, 1e-4);
    }
}

/* A step is bisected: the sign changes within the tolerance of the answer. */
static void steps(void)
{
    for (double c = -0.9; c < 0.9; c += 0.0137) {
        calls = 0;
        T_NEAR(solve(step, &c, -1, 1, 1e-4), c, 0, 1e-4);
        T_CHECK(calls < 40);
    }
}

static void ends(void)
{
    double c = 8, far = 1e9;
    T_CHECK(solve(cubic, &c, 2, 5, 1e-4) == 2);
    T_CHECK(solve(cubic, &c, -5, 2, 1e-4) == 2);
    /* No change of sign: it ends all the same, within the steps it is given. */
    calls = 0;
    T_CHECK(isfinite(solve(step, &far, -1, 1, 1e-4)));
    T_CHECK(calls <= 1003);
    /* Infinite ends: at once. */
    T_CHECK(isinf(zeroin(cubic, &c, (struct zeroin_point){-INFINITY, -1},
                         (struct zeroin_point){INFINITY, 1}, 1e-4, 1000)));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"continuous", continuous}, {"steps", steps}, {"ends", ends}};
    return t_main(argc, argv, tests, 3);
}
