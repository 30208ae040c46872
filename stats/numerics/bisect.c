#include "stats/numerics/bisect.h"

#include <float.h>
#include <math.h>

#define BISECT_STEPS 200

double bisect(double (*f)(double x, const void *with), const void *with, double low, double high,
              int rises)
{
    for (int i = 0; i < BISECT_STEPS; i++) {
        double middle = low + (high - low) / 2, value;
        if (!(middle > low) || !(middle < high) ||
            high - low <= DBL_EPSILON * fmin(fabs(low), fabs(high)))
            break;
        value = f(middle, with);
        if (rises ? value < 0 : value > 0)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}
