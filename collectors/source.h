/*
 * A source of metrics, as the rest of the service sees it: what a word's `implementation` points
 * to. Sources that need none of this (samples come by themselves) leave it NULL.
 */
#ifndef COLLECTORS_SOURCE_H
#define COLLECTORS_SOURCE_H

struct pull_source;

struct source {
    const struct pull_source *pull; /* its finished points are fetched (pull.h); NULL: not */
};

#endif
