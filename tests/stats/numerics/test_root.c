#include "stats/numerics/root.h"

#include "tests/t.h"

static double cube(double x, void *of)
{
    *(int *)of += 1;
    return x * x * x - 2;
}

static double step_down(double x, void *of)
{
    (void)of;
    return x < 0.3 ? 1 : -1;
}

static double logarithm(double x, void *of)
{
    (void)of;
    return x > 0 ? log(x) : -INFINITY;
}

/* Infinite at its ends, which are the whole of its domain; tiny between. */
static double wall(double x, void *of)
{
    double at = *(double *)of;
    if (!(x >= -1 && x <= 1))
        t_fail(__FILE__, __LINE__, "asked outside, at %g", x);
    return x == -1 ? -INFINITY : x == 1 ? INFINITY : 1e-300 * (x - at);
}

static double flat(double x, void *of)
{
    (void)of;
    return x * 0 + 1;
}

static void roots_are_found(void)
{
    double x;
    int calls = 0;
    T_CHECK(root_between(cube, &calls, 0, 10, 0, &x));
    T_NEAR(x, cbrt(2), 1e-15, 0);
    T_CHECK(calls < 25);
    T_CHECK(root_between(cube, &calls, 10, -10, 0, &x));
    T_NEAR(x, cbrt(2), 1e-15, 0);
    T_CHECK(root_between(step_down, NULL, -5, 7, 1e-9, &x));
    T_NEAR(x, 0.3, 0, 1e-9);
    T_CHECK(root_between(logarithm, NULL, 0, 50, 1e-12, &x));
    T_NEAR(x, 1, 0, 1e-12);
    T_CHECK(root_near(cube, &calls, -1000, 0.1, 0, &x));
    T_NEAR(x, cbrt(2), 1e-15, 0);
    T_CHECK(root_near(cube, &calls, 1e6, 0.1, 0, &x));
    T_NEAR(x, cbrt(2), 1e-15, 0);
}

static void infinite_ends(void)
{
    for (double at = -0.999; at < 1; at += 0.0371) {
        double x;
        T_CHECK(root_between(wall, &at, -1, 1, 0, &x));
        T_NEAR(x, at, 1e-15, 1e-16);
    }
}

static void no_root_is_said(void)
{
    double x = 7;
    int calls = 0;
    T_CHECK(!root_between(cube, &calls, 2, 10, 0, &x) && x == 7);
    T_CHECK(!root_near(flat, NULL, 0, 1, 0, &x) && x == 7);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"roots_are_found", roots_are_found},
        {"infinite_ends", infinite_ends},
        {"no_root_is_said", no_root_is_said},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
