/*
 * The test frame: a table of named tests, checks that say file, line and values, one closing line.
 *
 *   static void adds(void) { T_EQ_INT(1 + 1, 2); }
 *   int main(int argc, char **argv)
 *   {
 *       static const struct t_test tests[] = {{"adds", adds}};
 *       return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
 *   }
 *
 * A failed check marks the test failed and returns from the function it stands in (T_* in helpers
 * return from the helper; the test goes on, still failed). `./test_x name` runs the tests whose
 * name contains the argument. Ends with `N passed, N failed, N skipped`; the exit status is 1 on
 * failure.
 */
#ifndef TESTS_T_H
#define TESTS_T_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct t_test {
    const char *name;
    void (*run)(void);
};

int t_main(int argc, char **argv, const struct t_test *tests, size_t n);
void t_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Marks the running test skipped, with the reason printed; return after it. */
void t_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A private temporary directory of this test binary, removed at exit. */
const char *t_tmpdir(void);
/* Has the running test failed so far? */
bool t_failed(void);

#define T_CHECK(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            t_fail(__FILE__, __LINE__, "%s", #cond);                                               \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define T_EQ_INT(a, b)                                                                             \
    do {                                                                                           \
        long long t_a = (long long)(a), t_b = (long long)(b);                                      \
        if (t_a != t_b) {                                                                          \
            t_fail(__FILE__, __LINE__, "%s is %lld, want %lld", #a, t_a, t_b);                     \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define T_EQ_STR(a, b)                                                                             \
    do {                                                                                           \
        const char *t_a = (a), *t_b = (b);                                                         \
        if (!t_a || !t_b || strcmp(t_a, t_b) != 0) {                                               \
            t_fail(__FILE__, __LINE__, "%s is \"%s\", want \"%s\"", #a, t_a ? t_a : "(null)",      \
                   t_b ? t_b : "(null)");                                                          \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define T_HAS_STR(a, part)                                                                         \
    do {                                                                                           \
        const char *t_a = (a), *t_b = (part);                                                      \
        if (!t_a || !strstr(t_a, t_b)) {                                                           \
            t_fail(__FILE__, __LINE__, "%s is \"%s\", lacks \"%s\"", #a, t_a ? t_a : "(null)",     \
                   t_b);                                                                           \
            return;                                                                                \
        }                                                                                          \
    } while (0)
/* |a - b| <= abs or <= rel * |b|, equal infinities pass */
#define T_NEAR(a, b, rel, abs_)                                                                    \
    do {                                                                                           \
        double t_a = (a), t_b = (b);                                                               \
        if (!(t_a == t_b || fabs(t_a - t_b) <= (abs_) || fabs(t_a - t_b) <= (rel)*fabs(t_b))) {    \
            t_fail(__FILE__, __LINE__, "%s is %.17g, want %.17g", #a, t_a, t_b);                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)
/* A call that returns 0 or fills `err`. */
#define T_OK(call, err)                                                                            \
    do {                                                                                           \
        if ((call) != 0) {                                                                         \
            t_fail(__FILE__, __LINE__, "%s: %s", #call, (err).message);                            \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#endif
