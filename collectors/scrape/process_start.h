/*
 * When the process behind a scrape target started, by its process_start_time_seconds; or by one
 * metric whose name ends so (haproxy_process_start_time_seconds) when there is none of that name.
 * Several of those that say different things say nothing: which stands last is the exporter's whim.
 */
#ifndef COLLECTORS_SCRAPE_PROCESS_START_H
#define COLLECTORS_SCRAPE_PROCESS_START_H

#include <stdbool.h>

#include "collectors/wire/exposition.h"

enum start_source { START_NONE, START_PREFIXED, START_DIFFERS, START_EXACT };

struct process_start {
    double before, now; /* at the last scrape, at this one; NAN: not known */
    enum start_source source;
};

void process_start_init(struct process_start *p);
/* A scrape begins; then its samples, of any name. */
void process_start_scrape(struct process_start *p);
void process_start_sample(struct process_start *p, const struct exposition_sample *s);
/* Is it another than at the scrape before? Both must be known. */
bool process_start_has_moved(const struct process_start *p);

#endif
