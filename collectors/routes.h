/*
 * Which samples feed which releases: an immutable snapshot, replaced whole.
 *
 * The daemon builds one from the running releases (routes_build) and hands it to the aggregator
 * (aggregator_publish). Readers hold a reference while they use it, so nothing is freed under them.
 * Each published snapshot has its own generation number: a series that was resolved under an older
 * one is resolved again.
 *
 * A sample belongs to a service, a metric name and a cohort. A *target* is one place it goes: a
 * part of one metric of one release. A revision in place of a cohort is mapped by the release: its
 * own revision is the candidate, the last promoted one the baseline.
 */
#ifndef COLLECTORS_ROUTES_H
#define COLLECTORS_ROUTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/model/spec.h"
#include "lib/model/summary.h"

/* What the daemon says about a running release; all pointers are borrowed during the call only. */
struct route_release {
    const char *id;
    const struct spec *spec;
    const char *baseline_revision; /* last promoted one of service and environment; "" unknown */
    struct wall since;             /* samples before are not this release's (it was created then) */
    bool is_owned;                 /* we hold its lease: we scrape for it */
    int64_t lease_token;           /* while is_owned */
};

enum route_part { ROUTE_EVENTS, ROUTE_EXPOSURE, ROUTE_VALUE };

/* What outlives a snapshot: how far each metric is sealed (aggregator_sealed). Shared, counted. */
struct route_marks {
    _Atomic int refs;
    uint32_t handle; /* names the release in every table of this room; never used twice */
    char id[MODEL_NAME_MAX + 1];
    size_t n_metrics;
    int64_t block_us;
    _Atomic int64_t sealed[MODEL_METRICS_MAX]; /* last sealed block, INT64_MIN none */
    _Atomic bool knows_sealed;                 /* aggregator_sealed() was called */
    /* Of metrics that are pulled, under the aggregator's routes mutex: the lease under which this
     * process read, and the last block whose points are stored (aggregator_pulled). */
    int64_t pulled_token[MODEL_METRICS_MAX], pulled[MODEL_METRICS_MAX];
};

struct release_route {         /* a release in a snapshot */
    struct route_marks *marks; /* NULL until published */
    const char *id, *service;
    const char *revision, *baseline_revision;
    int64_t block_us;
    int64_t first_block; /* the block of `since` */
    bool needs_auth;     /* policy.trust: authenticated */
    bool is_owned;
    int64_t lease_token;
    size_t n_metrics;
    const enum metric_kind *kinds; /* per metric */
    const double *caps;            /* per metric: larger values count as this; INFINITY: none */
};

struct route_target {
    const struct release_route *route;
    uint16_t metric;
    enum metric_kind kind;
    enum route_part part;
    bool counts_samples; /* adds how many samples came, not their sum: `of: latency_ms:count` */
    struct labels where; /* a sample counts when it carries all of these */
    struct cohort_labels cohorts; /* what tells the cohorts apart; empty: cohort or revision */
};

/* A list of targets that share service and sample metric name. */
struct route_entry {
    const struct route_target *targets;
    size_t n;
};

/* A scrape wanted by one metric of one owned release. */
struct route_scrape {
    const struct release_route *route;
    uint16_t metric;
    enum metric_kind kind;
    const char *target; /* URL */
    const char *name;   /* counter, or histogram without _bucket */
    const char *of;     /* exposure counter; NULL for quantiles */
    struct labels labels, of_labels;
    struct cohort_labels cohorts;
};

/* One metric of a source whose finished points we fetch (pull.h); of any release, owned or not. */
struct route_pull {
    const struct release_route *route;
    uint16_t metric;
    const char *name; /* the metric's */
    enum metric_kind kind;
    double quantile; /* METRIC_QUANTILE */
    const struct word *word;
    const void *config; /* the word's struct */
    uint64_t digest;    /* of word and config */
    struct source_timing timing;
};

struct routes;

/* Builds a snapshot with one reference, the caller's. Releases of services past
 * SERVICES_MAX are left out, logged and counted. */
struct routes *routes_build(const struct route_release *releases, size_t n,
                            struct err *err) WARN_UNUSED;
struct routes *routes_ref(struct routes *r);
void routes_unref(struct routes *r); /* NULL is fine */

/* The targets of a sample, or NULL when no release of that service asks for that name. Without a
 * service (length 0): those that tell their cohorts by labels, of any service. */
const struct route_entry *routes_find(const struct routes *r, const char *service,
                                      size_t service_len, const char *name, size_t name_len);
/* Does any metric choose samples or cohorts by this label? Sources of many properties keep only
 * those. */
bool routes_wants_label(const struct routes *r, const char *name, size_t len);
bool routes_knows_service(const struct routes *r, const char *service, size_t len);
const struct release_route *routes_list(const struct routes *r, size_t *n);
const struct route_scrape *routes_scrapes(const struct routes *r, size_t *n);
const struct route_pull *routes_pulls(const struct routes *r, size_t *n);
/* Two snapshots that would treat every sample alike have the same digest. */
uint64_t routes_digest(const struct routes *r);
uint64_t routes_generation(const struct routes *r); /* 0 until published */

/* For the aggregator: fills in marks and generation before the snapshot is seen by anyone. */
void routes_bind(struct routes *r, uint64_t generation,
                 struct route_marks *(*marks_for)(void *user, const struct release_route *route),
                 void *user);
struct route_marks *route_marks_new(uint32_t handle, const struct release_route *route);
struct route_marks *route_marks_ref(struct route_marks *m);
void route_marks_unref(struct route_marks *m);

#endif
