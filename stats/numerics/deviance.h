/*
 * How far a count is from its mean, and how far one law is from another, without the cancellation
 * that the plain formulas suffer near equality: all are 0 there and quadratic about it.
 */
#ifndef STATS_DEVIANCE_H
#define STATS_DEVIANCE_H

/*
 * v log(v/mean) + mean - v, v >= 0, mean >= 0, for v - mean = off (given, because it is often known
 * better than as a difference). 0 log 0 is 0; INFINITY where mean is 0 and v is not. This is the
 * Kullback-Leibler divergence of Poisson(v) from Poisson(mean). Source: Loader, "Fast and accurate
 * computation of binomial probabilities" (2000), function bd0.
 */
double deviance(double v, double mean, double off);

/* Divergence of Bernoulli(p) from Bernoulli(q) in nats, p and q in [0, 1]; INFINITY where p can
 * give what q cannot. */
double bernoulli_divergence(double p, double q);

#endif
