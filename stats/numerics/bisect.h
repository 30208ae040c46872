/*
 * The root of a monotone function: what limits of confidence sequences are found with.
 */
#ifndef STATS_BISECT_H
#define STATS_BISECT_H

/*
 * Where f changes sign between low and high, low < high both finite: halved until the ends are
 * neighbouring doubles or equal in their first 15 digits (at most 200 steps). f(low) and f(high)
 * are not asked: when there is no change of sign the end with the smaller |f| by monotony is the
 * answer, low when f is above zero everywhere on a rising f. `rises`: f is below zero at low.
 */
double bisect(double (*f)(double x, const void *with), const void *with, double low, double high,
              int rises);

#endif
