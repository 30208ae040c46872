#include "stats/numerics/brent.h"

#include "tests/t.h"

static double cubic(double x, const void *data)
{
    return x * x * x - *(const double *)data;
}

static double jump(double x, const void *data)
{
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

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"finds_zeros", finds_zeros},
        {"extends_the_bracket", extends_the_bracket},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
