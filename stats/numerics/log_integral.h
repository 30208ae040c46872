/*
 * The logarithm of the integral of a positive function with one peak, for functions so far from 1
 * that only their logarithm can be written down: posterior tails, mixtures of densities.
 */
#ifndef STATS_LOG_INTEGRAL_H
#define STATS_LOG_INTEGRAL_H

/*
 * log of the integral of exp(log_f(u, context)) over [low, high], low < high.
 *
 * log_f   concave (or nearly so), may be -INFINITY, never NAN or +INFINITY
 *
 * The part within e^-45 of the peak is found by narrowing a grid and integrated by
 * Gauss-Legendre panels that are halved until the halves agree: relative error about 1e-11, or what
 * log_f itself is good for. -INFINITY when log_f is so everywhere it was looked at.
 */
double log_integral(double (*log_f)(double u, const void *context), const void *context, double low,
                    double high);

#endif
