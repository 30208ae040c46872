#include "stats/numerics/valley.h"

#include <math.h>

#include "lib/base/err.h"

#define VALLEY_STEPS 90
#define GOLDEN       0.3819660112501051 /* (3 - sqrt 5)/2 */

double valley_between(root_function *f, void *of, double low, double high)
{
    double left = low + GOLDEN * (high - low), right = high - GOLDEN * (high - low);
    double f_left = f(left, of), f_right = f(right, of);
    BUG_ON(!(low <= high));
    for (int i = 0; i < VALLEY_STEPS && high - low > 1e-9 * (fabs(low) + fabs(high)); i++) {
        if (f_left <= f_right) {
            high = right;
            right = left;
            f_right = f_left;
            left = low + GOLDEN * (high - low);
            f_left = f(left, of);
        } else {
            low = left;
            left = right;
            f_left = f_right;
            right = high - GOLDEN * (high - low);
            f_right = f(right, of);
        }
    }
    return f_left <= f_right ? left : right;
}
