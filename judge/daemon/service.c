#include "judge/daemon/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/aggregator/aggregator.h"
#include "collectors/cloudwatch/source.h"
#include "collectors/datagrams.h"
#include "collectors/puller.h"
#include "collectors/streams.h"
#include "judge/api/api.h"
#include "judge/daemon/notifier.h"
#include "judge/daemon/process.h"
#include "judge/daemon/tokens.h"
#include "judge/vocabulary/vocabulary.h"
#include "judge/web/session.h"
#include "lib/aws/sns_trust.h"
#include "lib/base/log.h"
#include "lib/net/http_server.h"
#include "lib/net/stream.h"
#include "lib/redis/redis.h"
#include "lib/redis/server.h"
#include "lib/store/state_dir.h"
#include "strategies/runner.h"

#define REDIS_START_MS   10000
#define REDIS_CALL_MS    2000
#define HTTP_GRACE_MS    2000
#define FLUSH_ON_STOP_MS 3000
#define REDIS_STOP_MS    10000

/* ---- callbacks from the rooms below ---- */

static void on_board(void *user)
{
    struct service *s = user;
    pthread_mutex_lock(&s->http_lock);
    if (s->http)
        http_server_wake(s->http);
    pthread_mutex_unlock(&s->http_lock);
}

/* The server answers, and so boards are put up, before its start has returned to us. */
static struct http_server *set_http(struct service *s, struct http_server *http)
{
    pthread_mutex_lock(&s->http_lock);
    struct http_server *before = s->http;
    s->http = http;
    pthread_mutex_unlock(&s->http_lock);
    return before;
}

static void on_runner_change(void *user, const char *release)
{
    struct service *s = user;
    struct buf status;
    buf_init(&status, (size_t)64 << 10);
    runner_status_json(s->runner, release, &status);
    if (buf_ok(&status) && status.len > 2)
        boards_put_status(s->boards, release, status.data);
    buf_release(&status);
    service_changed(s, release);
}

static void on_lease_lost(void *user, const char *release)
{
    struct service *s = user;
    signal_flag_raise(&s->keeper_flag);
}

static int find_secret(void *user, const char *ref, struct secret *out, struct err *err)
{
    struct service *s = user;
    return config_secret(&s->config, ref, out, err);
}

void service_changed(struct service *s, const char *release)
{
    docket_mark_changed(s->docket, release);
    signal_flag_raise(&s->judge_flag);
}

/* ---- going up ---- */

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* The Redis at `url`, as whom and over which TLS the settings say. */
static struct redis *open_redis(const struct config *c, const char *url, struct err *err)
{
    struct secret password, sentinel;
    struct stat st;
    const bool is_directory = stat(c->redis_ca, &st) == 0 && S_ISDIR(st.st_mode);
    const struct tls_options tls = {
        .ca_file = is_directory ? NULL : or_null(c->redis_ca),
        .ca_path = is_directory ? c->redis_ca : NULL,
        .cert_file = or_null(c->redis_cert),
        .key_file = or_null(c->redis_key),
    };
    struct redis *r = NULL;
    secret_init(&password);
    secret_init(&sentinel);
    if (*c->redis_password_file && secret_load_file(&password, c->redis_password_file, err) != 0)
        goto out;
    if (*c->sentinel_password_file &&
        secret_load_file(&sentinel, c->sentinel_password_file, err) != 0)
        goto out;
    const struct redis_config redis = {
        .url = url,
        .user = or_null(c->redis_user),
        .password = or_null(secret_bytes(&password)),
        .sentinel_user = or_null(c->sentinel_user),
        .sentinel_password = or_null(secret_bytes(&sentinel)),
        .tls = &tls,
        .first_wait_ms = REDIS_START_MS,
    };
    r = redis_open(&redis, err);
out:
    secret_release(&password);
    secret_release(&sentinel);
    return r;
}

static int open_store(struct service *s, struct err *err)
{
    const char *url = s->config.redis_url;
    if (!*url) {
        const struct redis_server_config server = {.state_dir = s->config.state_dir,
                                                   .start_ms = REDIS_START_MS};
        s->redis_server = redis_server_start(&server, err);
        if (!s->redis_server)
            return -1;
        url = redis_server_url(s->redis_server);
        if (redis_server_was_adopted(s->redis_server))
            log_info("service", "adopted the embedded Redis that was running (pid %d)",
                     (int)redis_server_pid(s->redis_server));
    }
    s->redis = open_redis(&s->config, url, err);
    if (!s->redis)
        return err_context(err, "Redis");
    const struct store_config store = {
        .redis = s->redis,
        .node = state_dir_node(s->state),
        .process = state_dir_process(s->state),
        .state_dir = s->config.state_dir,
        .is_embedded = s->redis_server != NULL,
        .wait_replicas = (int)s->config.wait_replicas,
        .call_ms = REDIS_CALL_MS,
    };
    s->store = store_open(&store, err);
    return s->store ? 0 : -1;
}

static int start_collectors(struct service *s, struct err *err)
{
    const struct aggregator_config aggregator = {
        .store = s->store,
        .process = state_dir_process(s->state),
        .pending_bytes_max = s->config.pending_bytes,
    };
    s->aggregator = aggregator_new(&aggregator);
    cloudwatch_set_rate(s->config.cloudwatch_rate);
    if (*s->config.sns_topics) {
        const struct sns_trust_config sns = {.ca_file = or_null(s->config.sns_ca),
                                             .allow_sha1 = s->config.sns_sha1};
        s->sns = sns_trust_open(&sns, err);
        if (!s->sns)
            return err_context(err, "--sns-topic");
    }
    const struct puller_config puller = {
        .aggregator = s->aggregator,
        .guard = &s->config.guard,
        .secret = find_secret,
        .user = s,
        .alarm_store = s->sns ? s->store : NULL,
    };
    s->puller = puller_start(&puller, err);
    if (!s->puller)
        return -1;
    if (*s->config.statsd) {
        const struct datagrams_config statsd = {
            .listen = s->config.statsd,
            .source = DATAGRAMS_STATSD,
            .allow_remote = s->config.statsd_remote,
            .threads = (int)s->config.statsd_threads,
            .mode = s->config.statsd_mode,
        };
        s->statsd = datagrams_start(s->aggregator, &statsd, err);
        if (!s->statsd)
            return -1;
    }
    if (*s->config.emf) {
        const struct datagrams_config emf = {
            .listen = s->config.emf,
            .source = DATAGRAMS_EMF,
            .allow_remote = s->config.emf_remote,
        };
        s->emf = datagrams_start(s->aggregator, &emf, err);
        s->emf_streams =
            s->emf ? streams_start(s->aggregator, s->config.emf, s->config.emf_remote, err) : NULL;
        if (!s->emf_streams)
            return err_context(err, "--emf");
    }
    return 0;
}

static int start_runner(struct service *s, struct err *err)
{
    const struct runner_config runner = {
        .store = s->store,
        .vocabulary = s->vocabulary,
        .connections = s->config.connections,
        .guard = &s->config.guard,
        .secret = find_secret,
        .changed = on_runner_change,
        .lost = on_lease_lost,
        .user = s,
    };
    s->runner = runner_new(&runner, err);
    return s->runner ? 0 : -1;
}

static void start_notifier(struct service *s)
{
    struct err err = {0};
    secret_init(&s->notify_secret);
    const bool is_signed = node_get(s->config.secrets, "notify") &&
                           config_secret(&s->config, "notify", &s->notify_secret, &err) == 0;
    if (err.code != ERR_NONE)
        log_err("service", &err);
    const struct notifier_config notifier = {
        .guard = &s->config.guard,
        .connections = s->config.connections,
        .secret = is_signed ? &s->notify_secret : NULL,
        .find_secret = find_secret,
        .user = s,
    };
    s->notifier = notifier_start(&notifier);
}

static int start_threads(struct service *s, struct err *err)
{
    static const struct {
        void *(*run)(void *service);
        const char *name;
        size_t thread;
    } threads[] = {
        {watcher_run, "watcher", offsetof(struct service, watcher)},
        {keeper_run, "keeper", offsetof(struct service, keeper)},
        {judging_run, "judge", offsetof(struct service, judge)},
    };
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_t *at = (pthread_t *)(void *)((char *)s + threads[i].thread);
        if (pthread_create(at, NULL, threads[i].run, s) != 0)
            return err_set_errno(err, ERR_SYSTEM, "cannot start the %s thread", threads[i].name);
        pthread_setname_np(*at, threads[i].name);
        s->n_threads++;
    }
    return 0;
}

struct service *service_start(const struct config *config, struct err *err)
{
    struct service *s = mem_alloc(sizeof(*s));
    s->config = *config;
    s->vocabulary = vocabulary_all();
    BUG_ON(pthread_mutex_init(&s->http_lock, NULL) != 0);
    signal_flag_init(&s->keeper_flag);
    signal_flag_init(&s->judge_flag);
    signal_flag_init(&s->watcher_flag);
    s->boards = boards_new(on_board, s);
    s->docket = docket_new();
    s->tokens = tokens_new();
    s->sessions = sessions_new(s->tokens);
    process_counters_register();
    s->state = state_dir_open(s->config.state_dir, err);
    if (!s->state || open_store(s, err) != 0 ||
        tokens_ensure_admin(s->tokens, s->store, s->config.state_dir, err) != 0 ||
        start_collectors(s, err) != 0 || start_runner(s, err) != 0)
        goto failed;
    start_notifier(s);
    struct http_server *http = api_start(s, err);
    set_http(s, http);
    if (!http || start_threads(s, err) != 0)
        goto failed;
    return s;
failed:
    service_stop(s);
    return NULL;
}

/* ---- going down ---- */

static void stop_threads(struct service *s)
{
    pthread_t threads[] = {s->watcher, s->keeper, s->judge};
    atomic_store(&s->is_stopping, true);
    signal_flag_raise(&s->keeper_flag);
    signal_flag_raise(&s->judge_flag);
    signal_flag_raise(&s->watcher_flag);
    for (size_t i = 0; i < s->n_threads; i++)
        pthread_join(threads[i], NULL);
}

void service_stop(struct service *s)
{
    if (!s)
        return;
    stop_threads(s);
    datagrams_stop(s->statsd);
    datagrams_stop(s->emf);
    streams_stop(s->emf_streams);
    struct http_server *http = set_http(s, NULL); /* from here on nobody wakes it */
    sns_trust_stop(s->sns);                       /* and none of its threads waits for SNS */
    if (http)
        http_server_stop(http, HTTP_GRACE_MS);
    puller_stop(s->puller); /* a handler may have asked it */
    sns_trust_close(s->sns);
    if (s->runner) {
        runner_stop(s->runner);
        runner_free(s->runner);
    }
    if (s->notifier) {
        notifier_stop(s->notifier);
        secret_release(&s->notify_secret);
    }
    if (s->aggregator)
        aggregator_free(s->aggregator, FLUSH_ON_STOP_MS);
    docket_free(s->docket);
    sessions_free(s->sessions);
    tokens_free(s->tokens);
    if (s->store)
        store_close(s->store);
    redis_close(s->redis);
    redis_server_stop(s->redis_server, REDIS_STOP_MS);
    if (s->state)
        state_dir_close(s->state);
    boards_free(s->boards);
    signal_flag_release(&s->keeper_flag);
    signal_flag_release(&s->judge_flag);
    signal_flag_release(&s->watcher_flag);
    pthread_mutex_destroy(&s->http_lock);
    free(s);
}

int service_ready(struct service *s, struct err *err)
{
    if (atomic_load(&s->is_stopping))
        return err_set(err, ERR_UNAVAILABLE, "shutting down");
    if (!atomic_load(&s->has_caught_up) || !atomic_load(&s->has_routes))
        return err_set(err, ERR_UNAVAILABLE, "taking up its own releases");
    if (!atomic_load(&s->has_redis) && !aggregator_has_room(s->aggregator))
        return err_set(err, ERR_UNAVAILABLE, "Redis does not answer and the sample buffer is full");
    return 0;
}
