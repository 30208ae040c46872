/*
 * What the benchmarks of pure functions share: CPU time of this process, medians of rounds.
 */
#ifndef TESTS_BENCH_CLOCK_H
#define TESTS_BENCH_CLOCK_H

#include <stdlib.h>
#include <time.h>

static inline double bench_cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts them. */
static inline double bench_median(double *v, size_t n)
{
    qsort(v, n, sizeof(*v), bench_compare);
    return v[n / 2];
}

#endif
