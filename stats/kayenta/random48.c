#include "stats/kayenta/random48.h"

#include <math.h>

#define MULTIPLIER UINT64_C(0x5DEECE66D)
#define INCREMENT  UINT64_C(11)
#define MASK       ((UINT64_C(1) << 48) - 1)

void random48_init(struct random48 *r, int64_t seed)
{
    *r = (struct random48){.state = ((uint64_t)seed ^ MULTIPLIER) & MASK};
}

static uint64_t high_bits(struct random48 *r, int bits)
{
    r->state = (r->state * MULTIPLIER + INCREMENT) & MASK;
    return r->state >> (48 - bits);
}

double random48_uniform(struct random48 *r)
{
    const uint64_t high = high_bits(r, 26);
    return (double)((high << 27) + high_bits(r, 27)) * 0x1p-53;
}

double random48_normal(struct random48 *r)
{
    double x, y, square;
    if (r->has_spare) {
        r->has_spare = false;
        return r->spare;
    }
    do {
        x = 2 * random48_uniform(r) - 1;
        y = 2 * random48_uniform(r) - 1;
        square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double scale = sqrt(-2 * log(square) / square);
    r->spare = y * scale;
    r->has_spare = true;
    return x * scale;
}
