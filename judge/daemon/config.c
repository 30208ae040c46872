#include "judge/daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "collectors/limits.h"
#include "collectors/listen.h"
#include "judge/daemon/connections.h"
#include "judge/daemon/limits.h"
#include "judge/vocabulary/vocabulary.h"
#include "lib/aws/sns.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/net/http_server.h"
#include "lib/redis/url.h"

#define REDIS_ROW  "redis"
#define AT(member) offsetof(struct config, member)

static const struct option_row rows[] = {
    {"config", 'c', "JUDGE_CONFIG", OPTION_STRING, AT(file), NULL, 0, 0, NULL, false, false, "FILE",
     "read settings, connections and secrets from this YAML file"},
    {"check", 'n', NULL, OPTION_BOOL, AT(check_only), "false", 0, 0, NULL, false, false, NULL,
     "check the settings, print them in canonical form and exit"},
    {"listen", 0, "JUDGE_LISTEN", OPTION_STRING, AT(listen), "127.0.0.1:8700", 0, 0, NULL, false,
     false, "ADDRESS", "HTTP: host:port, or unix:/path"},
    {"statsd", 0, "JUDGE_STATSD", OPTION_STRING, AT(statsd), "127.0.0.1:8125", 0, 0, NULL, false,
     false, "LIST",
     "DogStatsD: host:port for UDP, unix:///path for a datagram socket, or both; an empty text for "
     "none"},
    {"statsd-mode", 0, "JUDGE_STATSD_MODE", OPTION_STRING, AT(statsd_mode_text), "660", 0, 0, NULL,
     false, false, "MODE",
     "mode of the unix socket's file (octal): who may write to it may send samples"},
    {"statsd-remote", 0, "JUDGE_STATSD_REMOTE", OPTION_BOOL, AT(statsd_remote), "false", 0, 0, NULL,
     false, false, NULL,
     "let the (unauthenticated) DogStatsD socket listen on other addresses than loopback"},
    {"emf", 0, "JUDGE_EMF", OPTION_STRING, AT(emf), "", 0, 0, NULL, false, false, "LIST",
     "Embedded Metric Format over UDP and TCP, as the CloudWatch agent takes it: host:port, as in "
     "127.0.0.1:25888; none by default"},
    {"emf-remote", 0, "JUDGE_EMF_REMOTE", OPTION_BOOL, AT(emf_remote), "false", 0, 0, NULL, false,
     false, NULL, "let the (unauthenticated) EMF sockets listen on other addresses than loopback"},
    {"state", 0, "STATE_DIRECTORY", OPTION_STRING, AT(state_dir), "/var/lib/judge", 0, 0, NULL,
     false, false, "DIR", "state directory: lock, node id, intents, admin token, embedded Redis"},
    {REDIS_ROW, 0, "JUDGE_REDIS", OPTION_STRING, AT(redis_url), "", 0, 0, NULL, false, false, "URL",
     "redis:// or rediss:// (TLS) host:port, redis+sentinel://, redis+cluster:// or unix:///path "
     "(docs/redis.md); without it a private redis-server is started in DIR"},
    {"redis-user", 0, "JUDGE_REDIS_USER", OPTION_STRING, AT(redis_user), "", 0, 0, NULL, false,
     false, "NAME", "ACL user at Redis, in place of the one in the URL"},
    {"redis-password-file", 0, "JUDGE_REDIS_PASSWORD_FILE", OPTION_STRING, AT(redis_password_file),
     "", 0, 0, NULL, false, false, "FILE",
     "file (mode 0600) that holds the password, so that it stands in no list of processes"},
    {"redis-ca", 0, "JUDGE_REDIS_CA", OPTION_STRING, AT(redis_ca), "", 0, 0, NULL, false, false,
     "PATH", "rediss://: authorities to trust, a PEM file or a directory; default the system's"},
    {"redis-cert", 0, "JUDGE_REDIS_CERT", OPTION_STRING, AT(redis_cert), "", 0, 0, NULL, false,
     false, "FILE", "rediss://: our certificate (PEM), where the server asks for one"},
    {"redis-key", 0, "JUDGE_REDIS_KEY", OPTION_STRING, AT(redis_key), "", 0, 0, NULL, false, false,
     "FILE", "rediss://: the key of --redis-cert"},
    {"sentinel-user", 0, "JUDGE_SENTINEL_USER", OPTION_STRING, AT(sentinel_user), "", 0, 0, NULL,
     false, false, "NAME", "ACL user at the Sentinels, where they ask for one"},
    {"sentinel-password-file", 0, "JUDGE_SENTINEL_PASSWORD_FILE", OPTION_STRING,
     AT(sentinel_password_file), "", 0, 0, NULL, false, false, "FILE",
     "file (mode 0600) that holds the Sentinels' password"},
    {"wait-replicas", 0, "JUDGE_WAIT_REPLICAS", OPTION_INT, AT(wait_replicas), "0", 0, 5, NULL,
     false, false, "N",
     "with --redis: replicas that must acknowledge before an act, a final verdict, a batch's "
     "answer"},
    {"log-level", 0, "JUDGE_LOG_LEVEL", OPTION_CHOICE, AT(log_level), "info", 0, 0,
     "debug|info|warn|error", true, false, NULL, "least level that is logged"},
    {"inline-targets", 0, "JUDGE_INLINE_TARGETS", OPTION_CHOICE, AT(inline_targets), "auto", 0, 0,
     "auto|on|off", false, false, NULL,
     "may a spec itself say where to act and scrape; auto: with the embedded Redis on a loopback "
     "listener"},
    {"private-targets", 0, "JUDGE_PRIVATE_TARGETS", OPTION_CHOICE, AT(private_targets), "auto", 0,
     0, "auto|on|off", false, false, NULL,
     "may loopback and private addresses be called; auto: as inline-targets"},
    {"allow-networks", 0, "JUDGE_ALLOW_NETWORKS", OPTION_STRING, AT(allow_networks), "", 0, 0, NULL,
     false, false, "LIST", "networks that may be called whatever they are: 10.1.0.0/16, fd00::/8"},
    {"open-metrics", 0, "JUDGE_OPEN_METRICS", OPTION_BOOL, AT(open_metrics), "true", 0, 0, NULL,
     false, false, NULL, "serve /metrics, /healthz and /readyz without a token"},
    {"http-threads", 0, "JUDGE_HTTP_THREADS", OPTION_INT, AT(http_threads), "2", 1, 64, NULL, false,
     false, "N", "threads that read and answer requests"},
    {"work-threads", 0, "JUDGE_WORK_THREADS", OPTION_INT, AT(work_threads), "4", 1, 64, NULL, false,
     false, "N", "threads for requests that wait for Redis"},
    {"statsd-threads", 0, "JUDGE_STATSD_THREADS", OPTION_INT, AT(statsd_threads), "1", 1, 16, NULL,
     false, false, "N", "threads that receive datagrams"},
    {"cloudwatch-rate", 0, "JUDGE_CLOUDWATCH_RATE", OPTION_INT, AT(cloudwatch_rate), "50", 1, 1000,
     NULL, false, false, "N",
     "calls a second to CloudWatch in one region under one role; AWS grants 50 to an account"},
    {"sns-topic", 0, "JUDGE_SNS_TOPIC", OPTION_LIST, AT(sns_topics), "", 0, 0, NULL, false, false,
     "ARN", "an SNS topic that may post alarms to /hooks/sns; may be given again; none by default"},
    {"sns-ca", 0, "JUDGE_SNS_CA", OPTION_STRING, AT(sns_ca), "", 0, 0, NULL, false, false, "FILE",
     "authorities (PEM) that vouch for the certificates SNS signs with; default the system's"},
    {"sns-sha1", 0, "JUDGE_SNS_SHA1", OPTION_BOOL, AT(sns_sha1), "false", 0, 0, NULL, false, false,
     NULL, "take messages of SNS that are signed with SHA-1 (SignatureVersion 1), too"},
    {"http-connections", 0, "JUDGE_HTTP_CONNECTIONS", OPTION_INT, AT(connections_max), "4096", 16,
     20000, NULL, false, false, "N", "HTTP connections at a time"},
    {"waiting", 0, "JUDGE_WAITING", OPTION_INT, AT(waiting_max), "2048", 8, 20000, NULL, false,
     false, "N", "long-polls and event streams at a time"},
    {"pending", 0, "JUDGE_PENDING", OPTION_BYTES, AT(pending_bytes), "256MB", 1 << 20,
     INT64_C(1) << 40, NULL, false, false, "BYTES",
     "samples kept in memory while Redis is away; beyond it they are refused"},
    {"version", 'V', NULL, OPTION_BOOL, AT(show_version), "false", 0, 0, NULL, false, false, NULL,
     "print the version and exit"},
    {"help", 'h', NULL, OPTION_BOOL, AT(show_help), "false", 0, 0, NULL, false, false, NULL,
     "print this and exit"},
};
static const struct options options = {rows, ARRAY_LEN(rows)};

static int read_file(const char *path, struct buf *out, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t got;
    if (fd < 0)
        return err_set_errno(err, ERR_INPUT, "cannot open %s", path);
    while ((got = read(fd, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)got);
    close(fd);
    if (got < 0)
        return err_set_errno(err, ERR_INPUT, "cannot read %s", path);
    if (!buf_ok(out))
        return err_set(err, ERR_TOO_LARGE, "%s is over %zu bytes", path, out->max);
    return 0;
}

/* Takes the member of that name out of an object: the option table does not know it. */
static const struct node *take_section(struct node *file, const char *key, struct err *err)
{
    for (struct node **at = &file->first; *at; at = &(*at)->next) {
        struct node *section = *at;
        if (strcmp(section->key, key) != 0)
            continue;
        if (section->type != NODE_OBJECT) {
            err_set(err, ERR_INPUT, "line %d: `%s` must be a map of names", section->line, key);
            return NULL;
        }
        *at = section->next;
        file->len--;
        return section;
    }
    return NULL;
}

static int read_config_file(struct config *c, const char *path, struct node **file, struct arena *a,
                            struct err *err)
{
    struct buf text;
    int rc = -1;
    struct err why = {0};
    buf_init(&text, CONFIG_FILE_MAX);
    if (read_file(path, &text, err) != 0)
        goto out;
    const char *bytes = arena_copy(a, text.data, text.len);
    *file = text.len ? node_read_yaml(a, bytes, text.len, err) : NULL;
    if (text.len && !*file)
        goto out;
    if (*file && (*file)->type == NODE_OBJECT) {
        c->connections = take_section(*file, "connections", &why);
        c->secrets = take_section(*file, "secrets", &why);
    }
    if (why.code != ERR_NONE) {
        if (err)
            *err = why;
        goto out;
    }
    rc = 0;
out:
    if (rc != 0)
        err_context(err, "%s", path);
    buf_release(&text);
    return rc;
}

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0 ||
           strncmp(listen, "localhost:", 10) == 0 || strncmp(listen, "unix:", 5) == 0;
}

static bool is_on(const char *when, bool automatic)
{
    return strcmp(when, "on") == 0 || (strcmp(when, "auto") == 0 && automatic);
}

/* A secret is said by where it is: one that stands in the file itself is refused, unseen. */
static int check_secrets(const struct node *secrets, struct err *err)
{
    for (const struct node *s = secrets ? secrets->first : NULL; s; s = s->next) {
        const char *file = node_get_string(s, "file"), *env = node_get_string(s, "env");
        if (s->type != NODE_OBJECT || s->len != 1 || !(file ? *file : env && *env))
            return err_set(err, ERR_INPUT,
                           "line %d: secret `%.60s`: want {file: PATH} or {env: NAME}", s->line,
                           s->key);
    }
    return 0;
}

static int check_redis(const char *text, struct err *err)
{
    struct redis_url url;
    if (!*text)
        return 0;
    const int rc = redis_url_parse(text, &url, err);
    redis_url_wipe(&url);
    return rc;
}

static int read_mode(const char *text, mode_t *out, struct err *err)
{
    unsigned mode = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '7' && n < 4; n++)
        mode = mode * 8 + (unsigned)(text[n] - '0');
    if (n == 0 || text[n] || mode > 0777)
        return err_set(err, ERR_USAGE, "%.20s is not a file's mode: want 600 to 777, as in 660",
                       text);
    *out = mode;
    return 0;
}

/* What only means something beside another setting. */
static int check_redis_options(const struct config *c, struct err *err)
{
    if (!*c->redis_cert != !*c->redis_key)
        return err_set(err, ERR_USAGE, "--redis-cert and --redis-key go together");
    if ((*c->redis_ca || *c->redis_cert) && strncmp(c->redis_url, "rediss", 6) != 0)
        return err_set(err, ERR_USAGE,
                       "--redis-ca, --redis-cert and --redis-key are for TLS: "
                       "--redis rediss://host:port");
    if ((*c->redis_user || *c->redis_password_file) && !*c->redis_url)
        return err_set(err, ERR_USAGE,
                       "--redis-user and --redis-password-file are for a Redis of yours: --redis");
    if (c->wait_replicas > 0 && !*c->redis_url)
        return err_set(err, ERR_USAGE,
                       "--wait-replicas is for a Redis of yours, which has replicas: --redis");
    if ((*c->sentinel_user || *c->sentinel_password_file) && !strstr(c->redis_url, "+sentinel://"))
        return err_set(err, ERR_USAGE,
                       "--sentinel-user and --sentinel-password-file are for "
                       "--redis redis+sentinel://host:port/master-name");
    return 0;
}

static int check_topics(const struct config *c, struct err *err)
{
    char one[SNS_FIELD_BYTES_MAX];
    for (const char *at = c->sns_topics; *at;) {
        const size_t len = strcspn(at, ",");
        if (len >= sizeof(one))
            return err_set(err, ERR_USAGE, "--sns-topic: a topic's ARN is shorter");
        memcpy(one, at, len);
        one[len] = '\0';
        if (!sns_is_topic(one, NULL))
            return err_set(err, ERR_USAGE,
                           "--sns-topic: `%.120s` is no topic; want its ARN, as in "
                           "arn:aws:sns:eu-west-1:123456789012:alarms",
                           one);
        at += len + (at[len] == ',');
    }
    if (!*c->sns_topics && (*c->sns_ca || c->sns_sha1))
        return err_set(err, ERR_USAGE, "--sns-ca and --sns-sha1 are for topics: --sns-topic");
    return 0;
}

/* The addresses of a collector's sockets; the same flag with -remote allows those of others. */
static int check_sockets(const char *flag, const char *list, bool allow_remote, struct err *err)
{
    size_t n = 0;
    for (const char *at = *list ? list : NULL, *comma; at; at = comma ? comma + 1 : NULL) {
        struct listen_address address;
        struct err ignored = {0};
        comma = strchr(at, ',');
        const size_t len = comma ? (size_t)(comma - at) : strlen(at);
        if (n++ == LISTEN_ADDRESSES_MAX)
            return err_set(err, ERR_USAGE, "--%s: more than %d addresses", flag,
                           LISTEN_ADDRESSES_MAX);
        if (listen_parse(at, len, allow_remote, &address, err) == 0)
            continue;
        if (listen_parse(at, len, true, &address, &ignored) == 0)
            return err_set(err, ERR_USAGE,
                           "--%s: %.*s is not a loopback address, and senders are not asked who "
                           "they are; --%s-remote allows it",
                           flag, (int)len, at, flag);
        return err_context(err, "--%s", flag);
    }
    return 0;
}

static int check_addresses(const struct config *c, struct err *err)
{
    if (http_listen_check(c->listen, err) != 0 ||
        check_sockets("statsd", c->statsd, c->statsd_remote, err) != 0 ||
        check_sockets("emf", c->emf, c->emf_remote, err) != 0)
        return -1;
    return 0;
}

static int derive(struct config *c, struct err *err)
{
    const bool is_private = !*c->redis_url && is_loopback(c->listen);
    c->allow_inline_targets = is_on(c->inline_targets, is_private);
    guard_init(&c->guard);
    if (is_on(c->private_targets, c->allow_inline_targets))
        c->guard.allow_loopback = c->guard.allow_private = c->guard.allow_unix = true;
    if (*c->allow_networks && guard_allow(&c->guard, c->allow_networks, err) != 0)
        return err_context(err, "--allow-networks");
    if (read_mode(c->statsd_mode_text, &c->statsd_mode, err) != 0)
        return err_context(err, "--statsd-mode");
    if (!*c->state_dir)
        return err_set(err, ERR_USAGE, "--state: want a directory");
    if (check_redis(c->redis_url, err) != 0)
        return err_context(err, "--redis");
    if (check_redis_options(c, err) != 0 || check_topics(c, err) != 0 ||
        check_addresses(c, err) != 0)
        return -1;
    if (check_secrets(c->secrets, err) != 0 ||
        connections_check(c->connections, vocabulary_all(), err) != 0)
        return err_context(err, "%s", c->file);
    return 0;
}

int config_read(struct config *c, int argc, char **argv, struct arena *a, struct err *err)
{
    struct config first = {0}, read = {0};
    struct node *file = NULL;
    /* Once without the file to learn its name, then with it. */
    if (options_read(&options, &first, NULL, argc, argv, NULL, a, err) != 0)
        return -1;
    if (first.file && read_config_file(&read, first.file, &file, a, err) != 0)
        return -1;
    const struct node *connections = read.connections, *secrets = read.secrets;
    if (options_read(&options, &read, file, argc, argv, NULL, a, err) != 0)
        return err && err->code == ERR_INPUT ? err_context(err, "%s", first.file) : -1;
    read.connections = connections;
    read.secrets = secrets;
    if (derive(&read, err) != 0)
        return -1;
    *c = read;
    return 0;
}

void config_help(struct buf *out)
{
    buf_add_str(
        out, "usage: judged [options]\n\nJudges releases and moves their traffic. Settings: flags, "
             "then environment, then the file, then defaults.\n\n");
    options_help(&options, out);
}

/* What asks for one run to do something else is no setting: it is not printed, so that the printed
 * form can be used as a file. */
static bool is_action(const struct option_row *row)
{
    static const size_t actions[] = {AT(file), AT(check_only), AT(show_version), AT(show_help)};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (row->offset == actions[i])
            return true;
    return false;
}

/* The address without its user and password. */
static void print_redis(const struct config *c, struct buf *out)
{
    const char *sign = strrchr(c->redis_url, '@');
    struct buf shown;
    buf_init(&shown, 8192);
    if (sign) {
        const char *slashes = strstr(c->redis_url, "://");
        buf_add(&shown, c->redis_url, slashes ? (size_t)(slashes - c->redis_url) + 3 : 0);
        buf_addf(&shown, "...%s", sign);
    } else {
        buf_add_str(&shown, c->redis_url);
    }
    buf_add_str(out, REDIS_ROW ": ");
    node_yaml_string(out, shown.data ? shown.data : "", shown.len);
    buf_add_str(out, sign ? " # user and password are not shown\n" : "\n");
    buf_release(&shown);
}

void config_print(const struct config *c, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct options one = {&rows[i], 1};
        if (rows[i].offset == AT(redis_url))
            print_redis(c, out);
        else if (!is_action(&rows[i]))
            options_print(&one, c, out);
    }
    if (c->connections) {
        buf_add_str(out, "connections:\n");
        for (const struct node *n = c->connections->first; n; n = n->next) {
            buf_addf(out, "  %s: ", n->key);
            node_to_json(n, out);
            buf_add_char(out, '\n');
        }
    }
    for (const struct node *n = c->secrets ? c->secrets->first : NULL; n; n = n->next) {
        if (n == c->secrets->first)
            buf_add_str(out, "secrets:\n");
        buf_addf(out, "  %s: ", n->key);
        node_to_json(n, out); /* where it is, not what it is */
        buf_add_char(out, '\n');
    }
}

static bool same_text(const char *a, const char *b)
{
    return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

/* Is the row's value in both the same? */
static bool same_value(const struct option_row *row, const struct config *x, const struct config *y)
{
    const char *a = (const char *)x + row->offset, *b = (const char *)y + row->offset;
    switch (row->type) {
    case OPTION_STRING:
    case OPTION_LIST:
    case OPTION_CHOICE:
        return same_text(*(const char *const *)a, *(const char *const *)b);
    case OPTION_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case OPTION_INT:
    case OPTION_DURATION:
    case OPTION_BYTES:
        break;
    }
    return *(const int64_t *)a == *(const int64_t *)b;
}

static bool same_tree(const struct node *a, const struct node *b)
{
    struct buf x, y;
    buf_init(&x, 4 * CONFIG_FILE_MAX);
    buf_init(&y, 4 * CONFIG_FILE_MAX);
    if (a)
        node_to_json(a, &x);
    if (b)
        node_to_json(b, &y);
    const bool is_same = x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
    buf_release(&x);
    buf_release(&y);
    return is_same;
}

static void ignore(struct buf *ignored, const char *name)
{
    buf_addf(ignored, "%s%s", ignored->len ? ", " : "", name);
}

void config_reload(struct config *running, const struct config *fresh, struct buf *ignored)
{
    enum log_level level;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!rows[i].is_live && !same_value(&rows[i], running, fresh))
            ignore(ignored, rows[i].name);
    if (!same_tree(running->connections, fresh->connections))
        ignore(ignored, "connections");
    if (!same_tree(running->secrets, fresh->secrets))
        ignore(ignored, "secrets");
    if (log_level_parse(fresh->log_level, &level) == 0) {
        running->log_level = log_level_name(level);
        log_set_level(level);
    }
}

int config_secret(const struct config *c, const char *name, struct secret *out, struct err *err)
{
    const struct node *where = node_get(c->secrets, name);
    const char *file = node_get_string(where, "file"), *env = node_get_string(where, "env");
    if (!where)
        return err_set(err, ERR_NOT_FOUND,
                       "no secret `%s` in the configuration (section `secrets`)", name);
    if (file)
        return secret_load_file(out, file, err);
    if (env)
        return secret_load_env(out, env, err);
    return err_set(err, ERR_INPUT, "secret `%s`: want {file: PATH} or {env: NAME}", name);
}
