#include "stats/fixed/t_test.h"

#include "tests/t.h"

static struct student_test ask(struct sample_summary x, struct sample_summary y, enum alternative a,
                               double mu, bool pooled)
{
    const struct student_question q = {a, mu, 0.95, pooled};
    struct student_test r = {0};
    if (student_test(&r, &x, &y, &q, NULL) != 0)
        t_fail(__FILE__, __LINE__, "refused");
    return r;
}

/* Two observations an arm have 2 degrees of freedom, whose law is elementary. */
static void closed_form(void)
{
    const double x[] = {3, 4}, y[] = {1, 2};
    struct student_test r =
        ask(sample_summary_of(x, 2), sample_summary_of(y, 2), GREATER, 0, false);
    T_NEAR(r.t, 2 * sqrt(2), 1e-15, 0);
    T_NEAR(r.df, 2, 1e-14, 0);
    T_NEAR(r.p, 1 / (2 + r.t * r.t + r.t * sqrt(2 + r.t * r.t)), 1e-14, 0);
    T_CHECK(r.limits.high == INFINITY);
}

static void symmetry_and_shift(void)
{
    const struct sample_summary x = {12, 3.25, 1.5}, y = {90, 2.75, 0.25};
    for (int pooled = 0; pooled < 2; pooled++) {
        struct student_test a = ask(x, y, TWO_SIDED, 0.3, pooled),
                            b = ask(y, x, TWO_SIDED, -0.3, pooled);
        struct student_test up = ask(x, y, GREATER, 0.3, pooled),
                            down = ask(x, y, LESS, 0.3, pooled);
        struct student_test edge = ask(x, y, TWO_SIDED, a.limits.low, pooled);
        T_NEAR(a.t, -b.t, 1e-15, 0);
        T_NEAR(a.p, b.p, 1e-14, 0);
        T_NEAR(a.limits.low, -b.limits.high, 1e-13, 0);
        T_NEAR(up.p + down.p, 1, 1e-14, 0);
        T_NEAR(a.p, 2 * up.p, 1e-13, 0);
        T_NEAR(edge.p, 0.05, 1e-12, 0); /* a limit is where the test turns */
    }
}

static void tails_keep_their_digits(void)
{
    struct student_test r = ask((struct sample_summary){1e6, 0.037, 1},
                                (struct sample_summary){1e6, 0, 1}, TWO_SIDED, 0, false);
    T_NEAR(r.t, 0.037 * sqrt(5e5), 1e-12, 0);
    T_NEAR(r.p, 7.44455540262325e-151, 1e-11, 0);
    T_CHECK(r.p > 0);
}

/* A mean a billion times the spread: two passes keep it. */
static void large_offset(void)
{
    double x[100];
    struct sample_summary s;
    for (int i = 0; i < 100; i++)
        x[i] = 1e9 + i % 2;
    s = sample_summary_of(x, 100);
    T_NEAR(s.mean, 1e9 + 0.5, 0, 0);
    T_NEAR(s.sd, sqrt(25 / 99.0), 1e-12, 0);
}

static void refuses(void)
{
    static const struct {
        struct sample_summary x, y;
        bool pooled;
    } bad[] = {
        {{1, 1, 0}, {9, 2, 1}, false},        {{1, 1, 0}, {1, 2, 0}, true},
        {{0, 1, 0}, {9, 2, 1}, true},         {{9, NAN, 1}, {9, 2, 1}, false},
        {{9, INFINITY, 1}, {9, 2, 1}, false}, {{9, 1, -1}, {9, 2, 1}, false},
        {{9, 1, NAN}, {9, 2, 1}, false},      {{NAN, 1, 1}, {9, 2, 1}, false},
        {{9, 1, 0}, {9, 2, 0}, false},
    };
    const struct student_question q = {TWO_SIDED, 0, 0.95, false}, wrong = {LESS, 0, 1.5, false};
    struct student_test r;
    struct sample_summary fine = {9, 1, 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct student_question ask_it = q;
        ask_it.pooled = bad[i].pooled;
        if (student_test(&r, &bad[i].x, &bad[i].y, &ask_it, NULL) == 0)
            t_fail(__FILE__, __LINE__, "row %zu is taken", i);
    }
    T_CHECK(student_test(&r, &fine, &fine, &wrong, NULL) != 0);
    /* all zero: no verdict, no number */
    T_CHECK(student_test(&r, &(struct sample_summary){5, 0, 0}, &(struct sample_summary){5, 0, 0},
                         &q, NULL) == 0);
    T_CHECK(isnan(r.p) && isnan(r.limits.low) && isnan(r.t));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"closed_form", closed_form},
        {"symmetry_and_shift", symmetry_and_shift},
        {"tails_keep_their_digits", tails_keep_their_digits},
        {"large_offset", large_offset},
        {"refuses", refuses},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
