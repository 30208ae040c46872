/*
 * A source of metrics, as the rest of the service sees it: what a word's `implementation` points
 * to. Sources that need none of this (samples come by themselves) leave it NULL.
 */
#ifndef COLLECTORS_SOURCE_H
#define COLLECTORS_SOURCE_H

#include <stddef.h>

struct arena;
struct check_env;
struct check_result;
struct pull_source;
struct spec;

struct source {
    const struct pull_source *pull; /* its finished points are fetched (pull.h); NULL: not */
    /* What the metric finds right now, for `judgectl validate --check` (check.h). May block until
     * env->deadline. NULL: a source with `pull` is asked for the last hour and needs nothing more
     * than pull_series(); of another one nothing can be told. */
    void (*check)(const struct check_env *env, const struct spec *spec, size_t metric,
                  struct check_result *out, struct arena *a);
};

#endif
