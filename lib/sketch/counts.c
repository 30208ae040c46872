#include "lib/sketch/counts.h"

#include <math.h>

void counts_merge(struct counts *c, const struct counts *other)
{
    c->events += other->events;
    c->exposure += other->exposure;
}

void counts_encode(const struct counts *c, struct buf *out)
{
    buf_add_double(out, c->events);
    buf_add_double(out, c->exposure);
}

int counts_decode(struct counts *c, struct bytes *in, struct err *err)
{
    double events = bytes_double(in), exposure = bytes_double(in);
    *c = (struct counts){0, 0};
    if (in->bad)
        return err_set(err, ERR_CORRUPT, "counts: cut short");
    if (!isfinite(events) || !isfinite(exposure))
        return err_set(err, ERR_CORRUPT, "counts: not finite");
    *c = (struct counts){events, exposure};
    return 0;
}
