/*
 * Every ceiling of this room. What is past one is refused, counted, and named in the answer.
 */
#ifndef COLLECTORS_LIMITS_H
#define COLLECTORS_LIMITS_H

#define LINE_BYTES_MAX         8192 /* one sample line */
#define JSON_DEPTH_MAX         64 /* levels of a JSON value that is passed over: malformed beyond */
#define NDJSON_LINE_BYTES_MAX  49152 /* one NDJSON line: it may hold an encoded histogram */
#define SERIES_KEY_BYTES_MAX   1024  /* name and tags of one series, as they came */
#define TAGS_MAX               32    /* tags of one line */
#define ATTRIBUTES_MAX         96    /* attributes or labels of one OTLP or remote-write series */
#define WIRE_KEY_BYTES_MAX     4096  /* their bytes, and the name's */
#define OTLP_JSON_NODES_MAX    ((size_t)400000)   /* values of one OTLP JSON body: refused whole */
#define REMOTE_WRITE_BYTES_MAX ((size_t)32 << 20) /* one remote-write body, snappy undone */
#define IDENTITY_TEXT_BYTES    512                /* numbers among them, written out */
#define REVISION_BYTES_MAX     128    /* a revision named by a sample: the line is refused */
#define SERIES_MAX             100000 /* known to one shard */
#define SERIES_BYTES_MAX       ((size_t)32 << 20) /* and what they take, with names and tags */
#define SERIES_IDLE_SECONDS    120  /* unused for so long: makes room when the table is full */
#define SERVICES_MAX           2000 /* with running releases, in one snapshot of the routes */
#define EMF_DOCUMENT_BYTES_MAX                                                                     \
    ((size_t)1 << 20)                    /* one Embedded Metric Format document: refused           \
                                          */
#define EMF_DATAGRAM_BYTES_MAX   65507   /* and one datagram of them: what UDP can carry */
#define EMF_MEMBERS_MAX          256     /* members of one document: refused */
#define EMF_DIRECTIVES_MAX       32      /* metric directives of one document: refused */
#define EMF_METRICS_MAX          100     /* metrics of one directive: the others are refused */
#define EMF_DIMENSIONS_MAX       30      /* names of one dimension set: refused */
#define EMF_DIMENSION_BYTES_MAX  1024    /* a dimension's value: refused */
#define EMF_VALUES_MAX           100     /* values of one metric: refused */
#define FIREHOSE_RECORDS_MAX     10000   /* of one delivery, as Firehose promises: refused */
#define FIREHOSE_RECORD_TEXT_MAX 1365336 /* base64 of one record, as Firehose promises: refused */
#define STREAM_DIMENSIONS_MAX    30      /* of one point: the record is refused */
#define STREAMS_MAX              64      /* connections that bring EMF: one more is closed */
#define SHARDS_MAX               16      /* threads that take samples in */
#define TS_AHEAD_MAX_US                                                                            \
    (5 * INT64_C(1000000))        /* a sample from further in the future is refused                \
                                   */
#define COUNT_VALUE_MAX      1e15 /* what one line may add to a counter */
#define SAMPLE_COUNT_MAX     1e9  /* equal samples in one line (count, 1 / sample rate) */
#define REFUSALS_LISTED_MAX  20   /* refused lines named in one answer */
#define PENDING_BYTES_MAX    ((int64_t)64 << 20) /* samples not yet stored, in all */
#define BATCHES_PENDING_MAX  4096                /* batches waiting for their commits */
#define BATCH_WAIT_MS        30000 /* then the caller is told that the outcome is unknown */
#define SEALED_KEPT_US       (3 * INT64_C(1000000)) /* the totals of so much sealed time are kept */
#define SET_KEPT_US          (60 * INT64_C(1000000)) /* and of what its source may set again */
#define FLIGHTS_MAX          8 /* commits on their way at once, not counting those of waiting batches */
#define COMMIT_BLOCKS_MAX    4096 /* blocks in one commit; the rest goes with the next */
#define COMMIT_BYTES_MAX     ((size_t)4 << 20)  /* of encoded totals in one commit */
#define COMMIT_BATCHES_MAX   256                /* batch keys in one commit */
#define BATCH_BYTES_MAX      ((size_t)16 << 20) /* of one batch, which no commit may part: refused */
#define KNOWN_KEYS_MAX       4096 /* stored batch keys a release's stream can note again */
#define KNOWN_KEYS_US        (60 * INT64_C(1000000)) /* and for how long */
#define COMMIT_COMPLAIN_MS   5000 /* a commit that fails for so long is told in the log */
#define COMMIT_RETRY_MS      250  /* pause before a commit with unknown outcome is sent again */
#define FLUSH_MS             1000 /* between two flushes, when nobody waits for one */
#define FLUSH_SHORTEST_MS    100  /* and while a release has blocks shorter than FLUSH_MS */
#define BATCH_KEY_BYTES_MAX  255  /* Idempotency-Key of one batch: refused */
#define PRODUCER_BYTES_MAX   191  /* name under which one source writes its totals */
#define HOLDS_MAX            300  /* watermark holds at once */
#define DATAGRAM_BYTES_MAX   8192 /* one datagram; a longer one is refused whole */
#define LISTEN_ADDRESSES_MAX 4    /* addresses of one datagram source: refused at start */
#define DATAGRAMS_AT_ONCE    64   /* taken by one recvmmsg */
#define SCRAPE_BYTES_MAX     ((size_t)8 << 20) /* one exposition */
#define SCRAPE_TARGETS_MAX   256               /* of all releases we own; more are not scraped */
#define SCRAPE_SERIES_MAX    4096 /* series kept of one target; a metric with more is not counted */
#define SCRAPE_TIMEOUT_MS    1500 /* a scrape that takes longer is missed */
#define SCRAPE_PAUSE_MAX_MS  15000 /* between two scrapes of a target that does not answer */
#define SCRAPE_LABELS_MAX    64    /* labels of one exposition line */

/* finished points (pull.h) */
#define PULL_SOURCES_MAX 16   /* words of finished points; a bug beyond */
#define PULL_WANTS_MAX   4096 /* metrics of finished points, of all releases we own; counted */
#define PULL_LOOKS_MAX                                                                             \
    64 /* metrics looked at in one tick for `--check`; the rest with the next                      \
        */
#define PULL_BLOCKS_MAX   600   /* blocks asked for at once; the rest follows */
#define PULL_TICK_MS      200   /* the puller looks at least this often what is due */
#define PULL_RETRY_MS     1000  /* pause after a source failed; doubled each time, */
#define PULL_RETRY_MAX_MS 15000 /* to this */
#define PULL_HOLD_MS                                                                               \
    60000 /* beyond its delay a block waits so long for a failing source, then it is given up */

/* PromQL */
#define PROMQL_REPLY_MAX  ((size_t)16 << 20) /* bytes of one reply; more: the query fails */
#define PROMQL_SERIES_MAX 4096               /* series of one reply; more: the query fails */
#define PROMQL_LABELS_MAX 64                 /* labels of one series; more: the query fails */
#define PROMQL_BLOCKS_MAX 60                 /* blocks of one request; the rest follows */
#define PROMQL_TIMEOUT_MS 10000              /* of one request */
#define PROMQL_QUERY_MAX  4096 /* bytes of a query with its ${labels} filled in: refused */

/* validate --check */
#define CHECK_POINTS_MAX   60    /* of one cohort: those of the last hour */
#define CHECK_SERIES_MAX   10    /* named of one cohort; more are counted only */
#define CHECK_SERIES_BYTES 300   /* of one series' name; the rest is cut */
#define CHECK_WAIT_MS      15000 /* for all sources together */

#endif
