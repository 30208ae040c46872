#include "collectors/counters.h"

#include "lib/base/counters.h"
#include "lib/base/err.h"

#define ROW(row, n, l, h) [row] = {.name = n, .labels = l, .help = h}
#define GAUGE(row, n, h)  [row] = {.name = n, .help = h, .is_gauge = true}

static struct counter rows[COUNT_ROWS] = {
    ROW(COUNT_LINES_HTTP, "judge_sample_lines_total", "source=\"http\"", "Sample lines received."),
    ROW(COUNT_LINES_UDP, "judge_sample_lines_total", "source=\"statsd\"", "Sample lines received."),
    ROW(COUNT_LINES_OTLP, "judge_sample_lines_total", "source=\"otlp\"", "Sample lines received."),
    ROW(COUNT_LINES_REMOTE_WRITE, "judge_sample_lines_total", "source=\"remote_write\"",
        "Sample lines received."),
    ROW(COUNT_LINES_EMF, "judge_sample_lines_total", "source=\"emf\"", "Sample lines received."),
    ROW(COUNT_LINES_FIREHOSE, "judge_sample_lines_total", "source=\"firehose\"",
        "Sample lines received."),
    ROW(COUNT_SAMPLES, "judge_samples_total", NULL, "Values that reached a release."),
    ROW(COUNT_UNROUTED, "judge_sample_lines_unrouted_total", NULL,
        "Good lines no running release asks for."),
    ROW(COUNT_LATE, "judge_sample_lines_late_total", NULL,
        "Lines that came after their block was sealed."),
    ROW(COUNT_REFUSED, "judge_sample_lines_refused_total", NULL,
        "Lines that could not be read or do not fit."),
    ROW(COUNT_REFUSED_TEXT, "judge_sample_lines_refused_by_format_total", "format=\"text\"",
        "The same, by what they were sent as."),
    ROW(COUNT_REFUSED_NDJSON, "judge_sample_lines_refused_by_format_total", "format=\"ndjson\"",
        "The same, by what they were sent as."),
    ROW(COUNT_REFUSED_OTLP, "judge_sample_lines_refused_by_format_total", "format=\"otlp\"",
        "The same, by what they were sent as."),
    ROW(COUNT_REFUSED_OTLP_JSON, "judge_sample_lines_refused_by_format_total",
        "format=\"otlp_json\"", "The same, by what they were sent as."),
    ROW(COUNT_REFUSED_REMOTE_WRITE, "judge_sample_lines_refused_by_format_total",
        "format=\"remote_write\"", "The same, by what they were sent as."),
    ROW(COUNT_REFUSED_EMF, "judge_sample_lines_refused_by_format_total", "format=\"emf\"",
        "The same, by what they were sent as."),
    ROW(COUNT_REFUSED_FIREHOSE, "judge_sample_lines_refused_by_format_total", "format=\"firehose\"",
        "The same, by what they were sent as."),
    ROW(COUNT_BODIES_REFUSED, "judge_sample_bodies_refused_total", NULL,
        "Bodies that could not be read as what they were sent as, or hold more than one commit "
        "can; "
        "nothing of them counts."),
    ROW(COUNT_SHED, "judge_sample_lines_shed_total", NULL,
        "Lines dropped because too much waits for Redis."),
    ROW(COUNT_SERIES_FULL, "judge_sample_lines_series_limit_total", NULL,
        "Lines refused because a shard's series table is full."),
    GAUGE(COUNT_RELEASES_LEFT_OUT, "judge_releases_without_samples",
          "Running releases that take no samples because too many services have some."),
    ROW(COUNT_DATAGRAMS, "judge_statsd_datagrams_total", NULL, "Datagrams received."),
    ROW(COUNT_DATAGRAM_DROPS, "judge_statsd_datagrams_dropped_total", NULL,
        "Datagrams the kernel dropped because the receive buffer was full."),
    ROW(COUNT_DATAGRAMS_CUT, "judge_statsd_datagrams_too_long_total", NULL,
        "Datagrams longer than the limit, dropped whole."),
    ROW(COUNT_FIREHOSE_RECORDS, "judge_firehose_records_total", NULL,
        "Records that deliveries brought, sent again or not."),
    ROW(COUNT_POINTS_REVISED, "judge_firehose_points_revised_total", NULL,
        "Points that came again with other values: the first ones count."),
    ROW(COUNT_EMF_DATAGRAMS, "judge_emf_datagrams_total", NULL, "Datagrams received."),
    ROW(COUNT_EMF_DATAGRAM_DROPS, "judge_emf_datagrams_dropped_total", NULL,
        "Datagrams the kernel dropped because the receive buffer was full."),
    ROW(COUNT_EMF_TOO_LONG, "judge_emf_documents_too_long_total", NULL,
        "Datagrams, and documents over TCP, that were longer than the limit."),
    ROW(COUNT_EMF_CONNECTIONS_REFUSED, "judge_emf_connections_refused_total", NULL,
        "Connections closed at once because too many were open."),
    ROW(COUNT_COMMITS, "judge_commits_total", NULL, "Commits stored."),
    ROW(COUNT_COMMIT_RETRIES, "judge_commit_retries_total", NULL,
        "Commits sent again because their outcome was unknown."),
    ROW(COUNT_COMMIT_BEHIND, "judge_commit_behind_total", NULL,
        "Times Redis knew less than it had acknowledged and totals were set again."),
    ROW(COUNT_BATCHES, "judge_batches_total", NULL,
        "Batches stored (Idempotency-Key or ack=stored)."),
    ROW(COUNT_BATCH_DUPS, "judge_batches_duplicate_total", NULL,
        "Batches whose key was stored before."),
    ROW(COUNT_BATCH_UNKNOWN, "judge_batches_unknown_total", NULL,
        "Batches answered before their outcome was known."),
    ROW(COUNT_LATE_BLOCKS, "judge_commit_late_blocks_total", NULL,
        "Block totals that reached Redis after sealing."),
    GAUGE(COUNT_PENDING_BYTES, "judge_pending_bytes", "Memory held by sums of open blocks."),
    GAUGE(COUNT_BEHIND_MS, "judge_flush_behind_milliseconds",
          "Age of the oldest sample that is not stored."),
    ROW(COUNT_POINTS_LIMIT, "judge_cumulative_series_limit_total", NULL,
        "Points refused: a metric and cohort had the most cumulative series already."),
    ROW(COUNT_POINTS_EMPTY, "judge_points_without_value_total", NULL,
        "Points that say only that there is no value: stale markers, no recorded value, NaN."),
    ROW(COUNT_CUMULATIVE_RESETS, "judge_cumulative_resets_total", NULL,
        "Blocks dropped for a cohort because a cumulative series fell, vanished or came back."),
    ROW(COUNT_CUMULATIVE_GAPS, "judge_cumulative_gaps_total", NULL,
        "Blocks dropped for a cohort because none of its cumulative series had a point in them."),
    ROW(COUNT_SCRAPES, "judge_scrapes_total", NULL, "Expositions read."),
    ROW(COUNT_SCRAPES_MISSED, "judge_scrapes_missed_total", NULL,
        "Scrapes that failed or came too late."),
    ROW(COUNT_SCRAPE_GAPS, "judge_scrape_gaps_total", NULL,
        "Increases dropped because they span more than one block."),
    ROW(COUNT_SCRAPE_RESETS, "judge_scrape_resets_total", NULL,
        "Blocks dropped for a cohort because a series began anew or vanished."),
    ROW(COUNT_SCRAPE_SERIES_FULL, "judge_scrape_series_limit_total", NULL,
        "Series past the limit of one target: their metric is not counted."),
    ROW(COUNT_SCRAPE_BAD_LINES, "judge_scrape_bad_lines_total", NULL,
        "Exposition lines that could not be read."),
    ROW(COUNT_POINTS, "judge_points_total", NULL,
        "Finished points read from a source, those read again included."),
    ROW(COUNT_POINTS_FENCED, "judge_points_fenced_total", NULL,
        "Commits of points refused because another process owns the release now."),
    ROW(COUNT_PULLS, "judge_pulls_total", NULL,
        "Answers of sources that bring finished points, one a metric."),
    ROW(COUNT_PULLS_FAILED, "judge_pull_failures_total", NULL,
        "Those that failed, or were not whole."),
    ROW(COUNT_PULL_GIVEN_UP, "judge_pull_blocks_given_up_total", NULL,
        "Blocks sealed without points because their source was down for too long."),
    ROW(COUNT_PULL_WANTS_FULL, "judge_pull_metrics_limit_total", NULL,
        "Times a metric of finished points was left out because too many are read."),
};

void collectors_count(enum collector_counter row, int64_t n)
{
    if (n)
        counter_add(&rows[row], n);
}

void collectors_gauge(enum collector_counter row, int64_t value)
{
    counter_set(&rows[row], value);
}

int64_t collectors_counted(enum collector_counter row)
{
    return counter_get(&rows[row]);
}

void collectors_register(void)
{
    counters_register(rows, ARRAY_LEN(rows));
}
