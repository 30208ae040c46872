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
        {"no_root_is_said", no_root_is_said},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
