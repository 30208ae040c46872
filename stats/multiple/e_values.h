/*
 * Many hypotheses with e-values, which need no assumption on their dependence and no common
 * stopping time (docs/stats/multiple-testing.md).
 *
 * An e-value is a number E >= 0, possibly infinite, with E[E] <= 1 under its null; large values
 * speak against it.
 */
#ifndef STATS_E_VALUES_H
#define STATS_E_VALUES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

#define E_VALUES_MAX 100000

/* Refuses more than E_VALUES_MAX, NAN and negative values. */
int e_values_ok(const double *e, size_t n, struct err *err) WARN_UNUSED;

/*
 * e-BH (Wang & Ramdas, JRSS B 2022): sorted from above, k = max{k: e_[k] >= n/(k alpha)}; the k
 * largest are rejected. False discovery rate <= alpha under any dependence. rejected[i] is set;
 * returns k. Equal e-values are rejected together.
 */
size_t e_bh(const double *e, size_t n, double alpha, bool *rejected);

/*
 * The weighted mean, an e-value for the intersection of the nulls under any dependence (Vovk &
 * Wang, Ann. Stat. 2021: essentially the only symmetric way to merge). weight: NULL for equal ones,
 * else >= 0 and adding to 1 at most.
 */
double e_mean(const double *e, const double *weight, size_t n);

/*
 * Closed testing with e-values (Vovk & Wang 2021, algorithm 1): adjusted[i] is the least mean of a
 * set that holds i. adjusted[i] >= 1/alpha rejects i at family-wise error alpha, any dependence.
 * Uniformly better than Holm on 1/e. n log n.
 */
void e_closed_means(const double *e, size_t n, double *adjusted);

/*
 * The p-value 1/max(1, E): Markov's inequality. With E the largest value an e-process has had it is
 * an anytime p-value, for Holm (adjust.h) at any stopping time.
 */
double e_to_p(double e);

#endif
