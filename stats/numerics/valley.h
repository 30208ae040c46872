/*
 * The lowest place of a function with one valley: golden section.
 */
#ifndef STATS_VALLEY_H
#define STATS_VALLEY_H

#include "stats/numerics/root.h"

/*
 * The x in [low, high], low <= high, where f is smallest, to about 1e-8 of x: f there is right to
 * 1e-16 of its curvature. f may return infinities, not NAN; with several valleys one of them is
 * found.
 */
double valley_between(root_function *f, void *of, double low, double high);

#endif
