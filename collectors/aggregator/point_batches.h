/*
 * For ingest_batch: bodies of a format that has_point_keys.
 */
#ifndef COLLECTORS_AGGREGATOR_POINT_BATCHES_H
#define COLLECTORS_AGGREGATOR_POINT_BATCHES_H

#include "collectors/aggregator/samples.h"

/* As ingest_batch; the request's own key is not looked at. BATCH_DUP when every point was known. */
int point_batches_take(struct aggregator *g, const struct ingest_options *options,
                       const struct ingest_piece *body, const struct batch_request *request,
                       struct ingest_answer *answer, struct err *err) WARN_UNUSED;

#endif
