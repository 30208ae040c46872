/*
 * Effect sizes of Kayenta's judge: how large a shift is, beside whether there is one.
 */
#ifndef STATS_EFFECT_H
#define STATS_EFFECT_H

#include <stddef.h>

#include "stats/kayenta/samples.h"
#include "stats/kayenta/shift_test.h"

/* mean(E)/mean(C); NAN when either is exactly 0 or a series is empty. */
double effect_mean_ratio(double mean_e, double mean_c);

/*
 * Common-language effect size, P(E > C) + P(E = C)/2 of a value drawn from each (McGraw & Wong 1992
 * by ranks, Vargha & Delaney 2000): (2R - m(m+1))/(2mn). In [0, 1]; 1/2 is no effect.
 */
double effect_cles(const struct shift_test *t);

/* Cohen's d without sign: |difference of means| over the pooled standard deviation. NAN or inf
 * without spread, NAN with fewer than 3 values in all. */
double effect_cohen_d(const struct sample_summary *e, const struct sample_summary *c);

#endif
