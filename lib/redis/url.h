/*
 * Where a Redis is, in one line:
 *
 *   redis://[user[:password]@]host[:port][/db]                     one server
 *   redis+sentinel://[user[:password]@]host[:port],.../name[?db=N] the master Sentinels call `name`
 *   redis+cluster://[user[:password]@]host[:port],...              a cluster, found from any of
 * them unix:///path[?db=N]                                            one server on this machine
 *
 * rediss:// in place of redis:// speaks TLS, to the Sentinels too. User and password are those of
 * Redis; the Sentinels' own stand in struct redis_config.
 */
#ifndef LIB_REDIS_URL_H
#define LIB_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/redis/limits.h"

#define REDIS_URL_PART  256
#define REDIS_URL_SHOWN 400

enum redis_form { REDIS_SINGLE, REDIS_SENTINEL, REDIS_CLUSTER };

struct redis_endpoint {
    char host[REDIS_URL_PART]; /* name or address; an IPv6 one without its brackets */
    uint16_t port;
};

struct redis_url {
    enum redis_form form;
    bool is_tls, is_unix;
    struct redis_endpoint seeds[REDIS_SEEDS_MAX]; /* SINGLE: the server */
    size_t n_seeds;
    char master[REDIS_URL_PART];   /* SENTINEL */
    char path[108];                /* unix */
    char user[REDIS_URL_PART];     /* "" none */
    char password[REDIS_URL_PART]; /* "" none; wipe with redis_url_wipe */
    int db;
};

/* user and password are percent-decoded. A form nobody knows is refused with the known ones. The
 * message never repeats the password. */
int redis_url_parse(const char *text, struct redis_url *out, struct err *err) WARN_UNUSED;
void redis_url_wipe(struct redis_url *u);
/* For logs: without user and password; of many hosts the first three. */
const char *redis_url_show(const struct redis_url *u, char out[REDIS_URL_SHOWN]);
/* "host:port" or "[::1]:port". */
const char *redis_endpoint_show(const struct redis_endpoint *e, char out[REDIS_URL_PART + 16]);
bool redis_endpoint_equal(const struct redis_endpoint *a, const struct redis_endpoint *b);

#endif
