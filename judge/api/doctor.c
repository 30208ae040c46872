/*
 * GET /v1/doctor: is everything this service stands on as it should be? One line a finding, in
 * words, with what to do where it is not. Read when asked, kept nowhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "collectors/aggregator/aggregator.h"
#include "collectors/puller.h"
#include "judge/api/api.h"
#include "judge/api/common.h"
#include "lib/base/num.h"
#include "lib/net/stream.h"

#define CLOCK_WARN_US         US_PER_SECOND       /* blocks are a second */
#define CLOCK_FAIL_US         (5 * US_PER_SECOND) /* samples that far ahead are refused */
#define ANSWER_WARN_US        50000
#define SYNC_WARN_US          100000
#define FREE_WARN             (INT64_C(1) << 30)
#define FREE_FAIL             (INT64_C(64) << 20)
#define MEMORY_WARN           0.8
#define BEHIND_WARN_MS        5000
#define CONNECT_MS            1000
#define DOCTOR_COMPLAINTS_MAX 16384

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAILED };

static const char *const finding_words[] = {"ok", "warning", "failed"};

static void find(struct writer *w, const char *what, enum finding f, const char *detail)
{
    writer_object(w);
    writer_kv_string(w, "what", what);
    writer_kv_string(w, "state", finding_words[f]);
    writer_kv_string(w, "detail", detail);
    writer_end(w);
}

static const char *mib(int64_t bytes, struct arena *a)
{
    return arena_printf(a, "%" PRId64 " MiB", bytes >> 20);
}

static void look_at_redis(struct service *s, struct writer *w, struct arena *a)
{
    struct store_diagnosis d;
    struct err err = {0};
    if (store_diagnose(s->store, &d, &err) != 0) {
        find(w, "redis", FINDING_FAILED, err.message);
        return;
    }
    const bool is_slow = d.answered_us > ANSWER_WARN_US;
    find(w, "redis", is_slow ? FINDING_WARNING : FINDING_OK,
         arena_printf(a, "%s, %s, answers in %.1f ms%s", d.version,
                      d.is_embedded ? "our own" : "at redis.url", (double)d.answered_us / 1e3,
                      is_slow ? ": verdicts and acknowledgements wait for it" : ""));
    const bool is_full =
        d.memory_max > 0 && (double)d.memory_used > MEMORY_WARN * (double)d.memory_max;
    find(w, "redis memory", is_full ? FINDING_WARNING : FINDING_OK,
         d.memory_max ? arena_printf(a, "%s of %s%s", mib(d.memory_used, a), mib(d.memory_max, a),
                                     is_full ? ": writes will be refused when it is full" : "")
                      : arena_printf(a, "%s, no limit set", mib(d.memory_used, a)));
    if (d.has_aof && d.syncs_always)
        find(w, "durability", FINDING_OK, "AOF, synced before each answer");
    else if (s->config.wait_replicas > 0)
        find(w, "durability", d.replicas >= s->config.wait_replicas ? FINDING_OK : FINDING_FAILED,
             arena_printf(a, "waits for %" PRId64 " replicas before an act, %d connected",
                          s->config.wait_replicas, d.replicas));
    else
        find(w, "durability", FINDING_WARNING,
             arena_printf(a,
                          "%s: what was acknowledged last can be lost when Redis is killed; set "
                          "appendonly yes and appendfsync always, or --wait-replicas",
                          d.has_aof ? "AOF without appendfsync always" : "no AOF"));
    const int64_t apart = d.clock_ahead_us < 0 ? -d.clock_ahead_us : d.clock_ahead_us;
    find(w, "clock",
         apart > CLOCK_FAIL_US   ? FINDING_FAILED
         : apart > CLOCK_WARN_US ? FINDING_WARNING
                                 : FINDING_OK,
         arena_printf(a, "Redis' is %.3f s %s ours%s", (double)apart / 1e6,
                      d.clock_ahead_us < 0 ? "behind" : "ahead of",
                      apart > CLOCK_WARN_US ? ": let both follow the same time server" : ""));
}

/* How long a small durable write takes; -1 with errno. */
static int64_t sync_us(const char *path)
{
    const struct mono start = mono_now();
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    const bool is_written = write(fd, "judge\n", 6) == 6 && fdatasync(fd) == 0;
    const int error = errno;
    close(fd);
    unlink(path);
    errno = error;
    return is_written ? mono_now().us - start.us : -1;
}

static void look_at_state(struct service *s, struct writer *w, struct arena *a)
{
    const char *dir = s->config.state_dir;
    struct statvfs fs;
    const int64_t us = sync_us(arena_printf(a, "%s/doctor.tmp", dir));
    if (us < 0 || statvfs(dir, &fs) != 0) {
        find(w, "state directory", FINDING_FAILED, arena_printf(a, "%s: %s", dir, strerror(errno)));
        return;
    }
    const int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    find(w, "state directory",
         left < FREE_FAIL                        ? FINDING_FAILED
         : left < FREE_WARN || us > SYNC_WARN_US ? FINDING_WARNING
                                                 : FINDING_OK,
         arena_printf(a, "%s, %s free%s, a durable write takes %.1f ms%s", dir, mib(left, a),
                      left < FREE_WARN ? ": make room, acts are written down here first" : "",
                      (double)us / 1e3, us > SYNC_WARN_US ? ": each act waits for one" : ""));
}

static void look_at_samples(struct service *s, struct writer *w, struct arena *a)
{
    const int64_t behind = aggregator_behind_ms(s->aggregator, wall_now());
    const bool has_room = aggregator_has_room(s->aggregator);
    find(w, "samples",
         !has_room                 ? FINDING_FAILED
         : behind > BEHIND_WARN_MS ? FINDING_WARNING
                                   : FINDING_OK,
         !has_room ? "the buffer is full: samples are refused until Redis takes them"
                   : arena_printf(a, "the oldest that is not stored is %.1f s old",
                                  (double)behind / 1e3));
}

/* What keeps running releases from their data. */
static void look_at_sources(struct service *s, struct writer *w, struct arena *a)
{
    const struct board *board = boards_read(s->boards);
    size_t n_running = 0, n_wrong = 0;
    for (size_t i = 0; i < board->n; i++) {
        const struct release_record *r = &board->views[i]->record;
        struct buf lines;
        if (r->phase == PHASE_DONE)
            continue;
        n_running++;
        buf_init(&lines, DOCTOR_COMPLAINTS_MAX);
        puller_complaints(s->puller, r->id, &lines);
        for (size_t at = 0, end; at < lines.len; at = end + 1) {
            end = at + strcspn(lines.data + at, "\n");
            n_wrong++;
            find(w, "source", FINDING_FAILED,
                 arena_printf(a, "%s: %.*s", r->id, (int)(end - at), lines.data + at));
        }
        buf_release(&lines);
    }
    board_unref(board);
    if (n_wrong == 0)
        find(w, "sources", FINDING_OK,
             arena_printf(a,
                          "releases that are not done: %zu; all that is fetched for them answers",
                          n_running));
}

/* Sockets of connections can be tried without asking for anything. */
static void look_at_connections(struct service *s, struct writer *w, struct arena *a)
{
    const struct node *all = s->config.connections;
    for (const struct node *n = all ? all->first : NULL; n; n = n->next) {
        const char *path = node_get_string(n, "socket");
        struct err err = {0};
        if (!path)
            continue;
        struct stream *stream = stream_connect(&(struct stream_address){.unix_path = path},
                                               mono_add_ms(mono_now(), CONNECT_MS), &err);
        find(w, "connection", stream ? FINDING_OK : FINDING_FAILED,
             arena_printf(a, "%s: %s", n->key, stream ? "its socket answers" : err.message));
        stream_close(stream);
    }
}

static enum http_next doctor(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct arena *a = http_arena(ex);
    struct err err = {0};
    struct writer w;
    char now[WALL_TEXT_BYTES];
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "now", wall_format(wall_now(), now));
    writer_kv_array(&w, "findings");
    const int ready = service_ready(s, &err);
    find(&w, "service", ready == 0 ? FINDING_OK : FINDING_FAILED,
         ready == 0 ? "ready" : err.message);
    look_at_redis(s, &w, a);
    look_at_state(s, &w, a);
    look_at_samples(s, &w, a);
    look_at_sources(s, &w, a);
    look_at_connections(s, &w, a);
    writer_end(&w);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

const struct route doctor_routes[] = {
    {.method = "GET",
     .pattern = "/v1/doctor",
     .scope = SCOPE_ADMIN,
     .flags = HTTP_WORK | HTTP_NO_BODY,
     .handler = doctor,
     .summary = "What this service stands on, looked at now"},
    {0},
};
