#include "collectors/wire/scan.h"

#include <math.h>

#include "lib/base/num.h"

/* The extent of the number, then the strict reader of lib/base. */
const char *scan_number_slow(const char *p, const char *end, double *out)
{
    const char *q = p;
    q += q < end && *q == '-';
    while (q < end && scan_is_digit(*q))
        q++;
    if (q < end && *q == '.') {
        q++;
        while (q < end && scan_is_digit(*q))
            q++;
    }
    if (q < end && (*q | 0x20) == 'e') {
        q++;
        q += q < end && (*q == '-' || *q == '+');
        while (q < end && scan_is_digit(*q))
            q++;
    }
    if (num_parse_double(p, (size_t)(q - p), out) != 0 || !isfinite(*out))
        return NULL;
    return q;
}
