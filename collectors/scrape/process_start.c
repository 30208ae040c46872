#include "collectors/scrape/process_start.h"

#include <math.h>
#include <string.h>

#define TOLERANCE 0.5 /* seconds: clients that compute their start from the uptime waver */

void process_start_init(struct process_start *p)
{
    *p = (struct process_start){.before = NAN, .now = NAN};
}

void process_start_scrape(struct process_start *p)
{
    p->before = p->now;
    p->now = NAN;
    p->source = START_NONE;
}

void process_start_sample(struct process_start *p, const struct exposition_sample *s)
{
    static const char name[] = "process_start_time_seconds";
    const size_t len = sizeof(name) - 1;
    if (s->n_labels > 0 || s->name_len < len || !isfinite(s->value) ||
        memcmp(s->name + s->name_len - len, name, len) != 0)
        return;
    if (s->name_len == len) {
        p->now = s->value;
        p->source = START_EXACT;
    } else if (p->source == START_NONE) {
        p->now = s->value;
        p->source = START_PREFIXED;
    } else if (p->source == START_PREFIXED && fabs(s->value - p->now) > TOLERANCE) {
        p->now = NAN;
        p->source = START_DIFFERS;
    }
}

bool process_start_has_moved(const struct process_start *p)
{
    return fabs(p->now - p->before) > TOLERANCE; /* false with a NAN */
}
