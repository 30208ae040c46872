/*
 * What an operator may set: flags > environment > file > defaults (config.c holds the table, which
 * is also `judged --help` and docs/configuration.md). The file has two sections the table does not
 * know:
 *
 *   connections:            where and as whom, so that a spec need not say it
 *     edge: {kind: haproxy, socket: /run/haproxy/admin.sock, services: [checkout]}
 *   secrets:                named, never written in a spec, a flag or this file itself
 *     deployer: {file: /etc/judge/deployer.secret}      or {env: DEPLOYER_SECRET}
 */
#ifndef JUDGE_DAEMON_CONFIG_H
#define JUDGE_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/node.h"
#include "lib/crypto/secret.h"
#include "lib/net/guard.h"

struct config {
    const char *file; /* -c, or NULL */
    bool check_only;  /* -n */
    bool show_help, show_version;

    const char *listen;
    const char *statsd; /* "" off */
    bool statsd_remote;
    const char *statsd_mode_text; /* octal, of a unix socket */
    mode_t statsd_mode;           /* from it */
    const char *emf;              /* "" off */
    bool emf_remote;
    const char *state_dir;
    const char *redis_url;                         /* "" the embedded server */
    const char *redis_user, *redis_password_file;  /* "" as in the url */
    const char *redis_ca, *redis_cert, *redis_key; /* TLS; "" none */
    const char *sentinel_user, *sentinel_password_file;
    int64_t wait_replicas;
    const char *log_level;
    const char *inline_targets; /* "auto", "on", "off" */
    const char
        *private_targets; /* "auto", "on", "off": loopback and private addresses may be called */
    const char *allow_networks; /* networks that may be called whatever they are */
    bool open_metrics;          /* /metrics, /healthz, /readyz without a token */
    int64_t http_threads, work_threads, statsd_threads;
    int64_t cloudwatch_rate; /* calls a second, a region and role */
    const char *sns_topics;  /* ARNs of those that may post to /hooks/sns; "" none */
    const char *sns_ca;      /* who vouches for SNS' certificates; "" the system's authorities */
    bool sns_sha1;
    int64_t connections_max, waiting_max;
    int64_t pending_bytes; /* samples held in memory while Redis is away */

    const struct node *connections; /* object, or NULL */
    const struct node *secrets;     /* object, or NULL */
    struct guard guard;             /* from private_targets and allow_networks */
    bool allow_inline_targets;      /* from inline_targets */
};

/* 0 with *c filled; texts live in the arena. Fails with ERR_USAGE or ERR_INPUT naming the option
 * and where it came from. */
int config_read(struct config *c, int argc, char **argv, struct arena *a,
                struct err *err) WARN_UNUSED;
void config_help(struct buf *out);
/* The canonical form of what is in force (YAML), which can be used as a file: `judged -n`. The user
 * and password of a Redis address are left out. */
void config_print(const struct config *c, struct buf *out);
/* Takes over what a running service can from a freshly read config, which may be freed then; the
 * rest of what differs is named in *ignored. */
void config_reload(struct config *running, const struct config *fresh, struct buf *ignored);

/* The secret of that name, read now. ERR_NOT_FOUND, or what is wrong with its file. */
int config_secret(const struct config *c, const char *name, struct secret *out,
                  struct err *err) WARN_UNUSED;

#endif
