/*
 * Where a Redis is: `redis://[user[:password]@]host[:port][/db]` or `unix:///path[?db=N]`.
 */
#ifndef LIB_REDIS_URL_H
#define LIB_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define REDIS_URL_PART 256

struct redis_url {
    bool is_unix;
    char host[REDIS_URL_PART]; /* name or address; an IPv6 one without its brackets */
    uint16_t port;
    char path[108];                /* unix */
    char user[REDIS_URL_PART];     /* "" none */
    char password[REDIS_URL_PART]; /* "" none; wipe with redis_url_wipe */
    int db;
};

/* user and password are percent-decoded. Schemes we cannot speak are refused by name. The message
 * never repeats the password. */
int redis_url_parse(const char *text, struct redis_url *out, struct err *err) WARN_UNUSED;
void redis_url_wipe(struct redis_url *u);
/* For logs: without user and password. */
const char *redis_url_show(const struct redis_url *u, char out[REDIS_URL_PART + 32]);

#endif
