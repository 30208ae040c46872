#include "stats/numerics/brent.h"

#include "tests/t.h"

static int calls;

static double cubic(double x, const void *data)
{
    calls++;
    return x * x * x - *(const double *)data;
}

static double jump(double x, const void *data)
{
    calls++;
    return x < *(const double *)data ? 1 : -1;
}

static void finds_zeros(void)
{
    for (double c = 1e-9; c < 1e9; c *= 3.3) {
        T_NEAR(brent_between(cubic, &c, 0, 1e4, 0), cbrt(c), 1e-14, 0);
        T_NEAR(brent_between(cubic, &c, 0, 1e4, 1e-3), cbrt(c), 0, 1e-3);
        T_NEAR(brent_between(jump, &c, -1, 1e10, 1e-9), c, 1e-15, 1e-9);
    }
    double c = 8;
    T_NEAR(brent_between(cubic, &c, 2, 3, 0), 2, 0, 0);
    T_NEAR(brent_between(cubic, &c, 1, 2, 0), 2, 0, 0);
    T_CHECK(isnan(brent_between(cubic, &c, 3, 4, 0)));
}

static void extends_the_bracket(void)
{
    double c = 1e6, never = INFINITY;
    struct brent s = {.f = cubic, .data = &c};
    brent_ends(&s, 1, 2);
    T_CHECK(!brent_is_bracketed(&s));
    T_CHECK(brent_extend(&s, 1) && s.high >= 100 && s.low == 1);
    T_NEAR(brent_find(&s), 100, 1e-14, 0);
    brent_ends(&s, 200, 300);
    T_CHECK(brent_extend(&s, 1) && s.low <= 100 && s.high == 300);
    s = (struct brent){.f = jump, .data = &c};
    brent_ends(&s, 1, 2);
    T_CHECK(brent_extend(&s, -1) && s.high >= c);
    s.data = &never;
    brent_ends(&s, 1, 2);
    T_CHECK(!brent_extend(&s, -1));
}

static double path(double (*f)(double, const void *), const double *c, double low, double high)
{
    struct brent s = {.f = f, .data = c, .tol = 1e-4};
    brent_ends(&s, low, high);
    calls = 0;
    return brent_path(&s);
}

/* Whatever the ends are: in any order, zeros themselves, without a change of sign, infinite. */
static void path_always_ends(void)
{
    for (double c = -0.9; c < 0.9; c += 0.0137) {
        T_NEAR(path(cubic, &c, 4, -3), cbrt(c), 0, 1e-4);
        T_CHECK(calls < 30);
        T_NEAR(path(jump, &c, -1, 1), c, 0, 1e-4); /* a jump is halved */
        T_CHECK(calls < 30);
    }
    double c = 8, far = 1e9;
    T_CHECK(path(cubic, &c, 2, 5) == 2);
    T_CHECK(path(cubic, &c, -5, 2) == 2);
    T_CHECK(isfinite(path(jump, &far, -1, 1)));
    T_CHECK(calls <= 1000);
    struct brent endless = {cubic, &c, -INFINITY, INFINITY, -1, 1, 1e-4, 0};
    T_CHECK(isinf(brent_path(&endless)));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"finds_zeros", finds_zeros},
        {"extends_the_bracket", extends_the_bracket},
        {"path_always_ends", path_always_ends},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
