/*
 * The ways in: a body or some datagrams into the calling thread's shard, or into sums kept apart.
 */
#include <stddef.h>
#include <string.h>

#include "collectors/shard.h"
#include "lib/base/writer.h"

static void scan(struct ingest *in, const char *bytes, size_t len)
{
    if (in->options->format == INGEST_TEXT)
        scan_text(in, bytes, len);
    else
        scan_ndjson(in, bytes, len);
}

static int ingest_run(struct aggregator *g, const struct ingest_options *options,
                      const struct ingest_piece *pieces, size_t n, struct sums_set *apart,
                      struct ingest_answer *answer, struct err *err)
{
    memset(answer, 0, offsetof(struct ingest_answer, refusals));
    answer->n_refusals = 0;
    if (!sums_budget_left(aggregator_budget(g))) {
        int64_t lines = 0;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < pieces[i].len; j++)
                lines += pieces[i].bytes[j] == '\n';
            lines += pieces[i].len && pieces[i].bytes[pieces[i].len - 1] != '\n';
        }
        collectors_count(COUNT_SHED, lines);
        return err_set(err, ERR_UNAVAILABLE,
                       "too many samples wait for Redis: nothing was taken, send them again later");
    }
    struct shard *shard = shard_enter(g);
    struct ingest in; /* the lines ahead need no zeros */
    ingest_init(&in, options, answer, shard, apart ? apart : &shard->open);
    for (size_t i = 0; i < n; i++)
        scan(&in, pieces[i].bytes, pieces[i].len);
    ingest_finish(&in);
    shard_leave(shard);
    collectors_count(COUNT_SAMPLES, (int64_t)answer->samples);
    collectors_count(COUNT_UNROUTED, (int64_t)answer->unrouted);
    collectors_count(COUNT_LATE, (int64_t)answer->late);
    collectors_count(COUNT_REFUSED, (int64_t)answer->refused);
    return 0;
}

int ingest_body(struct aggregator *g, const struct ingest_options *options, const char *body,
                size_t len, struct ingest_answer *answer, struct err *err)
{
    struct ingest_piece piece = {body, len};
    if (ingest_run(g, options, &piece, 1, NULL, answer, err) != 0)
        return -1;
    collectors_count(COUNT_LINES_HTTP, (int64_t)answer->lines);
    return 0;
}

int ingest_pieces(struct aggregator *g, const struct ingest_options *options,
                  const struct ingest_piece *pieces, size_t n, struct ingest_answer *answer,
                  struct err *err)
{
    if (ingest_run(g, options, pieces, n, NULL, answer, err) != 0)
        return -1;
    collectors_count(COUNT_LINES_UDP, (int64_t)answer->lines);
    return 0;
}

int ingest_apart(struct aggregator *g, const struct ingest_options *options, const char *body,
                 size_t len, struct sums_set *apart, struct ingest_answer *answer, struct err *err)
{
    struct ingest_piece piece = {body, len};
    if (ingest_run(g, options, &piece, 1, apart, answer, err) != 0)
        return -1;
    collectors_count(COUNT_LINES_HTTP, (int64_t)answer->lines);
    return 0;
}

void ingest_answer_json(const struct ingest_answer *answer, struct buf *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_int(&w, "lines", (int64_t)answer->lines);
    writer_kv_int(&w, "samples", (int64_t)answer->samples);
    writer_kv_int(&w, "taken", (int64_t)answer->taken);
    writer_kv_int(&w, "unrouted", (int64_t)answer->unrouted);
    writer_kv_int(&w, "late", (int64_t)answer->late);
    writer_kv_int(&w, "refused", (int64_t)answer->refused);
    writer_kv_array(&w, "refusals");
    for (size_t i = 0; i < answer->n_refusals; i++) {
        writer_object(&w);
        writer_kv_int(&w, "line", (int64_t)answer->refusals[i].line);
        writer_kv_string(&w, "reason", answer->refusals[i].reason);
        writer_end(&w);
    }
    writer_end(&w);
    writer_end(&w);
}
