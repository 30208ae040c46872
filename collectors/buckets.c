#include "collectors/buckets.h"

#include <math.h>

int bucket_row_compare(const void *a, const void *b)
{
    const struct bucket_row *x = a, *y = b;
    if (x->want != y->want)
        return x->want < y->want ? -1 : 1;
    if (x->cohort != y->cohort)
        return x->cohort < y->cohort ? -1 : 1;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return x->edge < y->edge ? -1 : x->edge > y->edge;
}

bool bucket_rows_to_hist(const struct bucket_row *rows, size_t n, struct hist *to)
{
    double below = 0, lower = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || rows[i].group != rows[i - 1].group)
            below = lower = 0;
        double count = rows[i].n - below;
        bool is_negative = rows[i].edge < 0 && count > 0.5; /* durations are not */
        if (count < -0.5 || is_negative)
            return false;
        double upper = rows[i].edge > lower ? rows[i].edge : lower;
        if (count > 0.5 && hist_takes(lower))
            hist_add_span(to, lower, upper, (uint64_t)llround(count));
        below = rows[i].n;
        lower = upper;
    }
    return true;
}
