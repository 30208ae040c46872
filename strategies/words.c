#include "strategies/words.h"

#include <stddef.h>
#include <string.h>

#include "strategies/pattern.h"
#include "strategies/platforms/platform.h"

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

/* ---- patterns ---- */

const struct word canary_word = {
    .name = "canary",
    .help = "the candidate's share rises step by step beside a same-time baseline",
    .implementation = &canary_pattern,
};

/* ---- platforms ---- */

static const struct field haproxy_fields[] = {
    {.name = "socket",
     .type = FIELD_STRING,
     .offset = offsetof(struct haproxy_config, socket),
     .is_required = true,
     .is_target = true,
     .help = "the runtime socket, level admin: an absolute path or host:port"},
    {.name = "backend",
     .type = FIELD_STRING,
     .offset = offsetof(struct haproxy_config, backend),
     .is_required = true,
     .help = "the backend whose servers share the traffic"},
    {.name = "stable",
     .type = FIELD_STRING,
     .offset = offsetof(struct haproxy_config, stable),
     .is_required = true,
     .help = "the server that runs the old version"},
    {.name = "candidate",
     .type = FIELD_STRING,
     .offset = offsetof(struct haproxy_config, candidate),
     .is_required = true,
     .help = "the server that runs the new version"},
};

/* A name that goes into a command line of the runtime socket: nothing that could end the word. */
static bool is_haproxy_name(const char *name)
{
    for (size_t i = 0; name[i]; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr("-_.:", c)))
            return false;
    }
    return name[0] != '\0';
}

static int haproxy_check(const void *config, const struct node *where, struct err *err)
{
    const struct haproxy_config *c = config;
    const char *names[] = {c->backend, c->stable, c->candidate};
    for (size_t i = 0; i < N_OF(names); i++)
        if (!is_haproxy_name(names[i]))
            return err_set(err, ERR_SPEC,
                           "`%s` cannot be an HAProxy name: letters, digits and - _ . : only",
                           names[i]);
    if (strcmp(c->stable, c->candidate) == 0)
        return err_set(err, ERR_SPEC,
                       "`stable` and `candidate` are both `%s`: they must be two servers of the "
                       "backend",
                       c->stable);
    if (c->socket && c->socket[0] != '/' && !strchr(c->socket, ':'))
        return err_set(err, ERR_SPEC,
                       "`socket` is `%s`: write an absolute path (/run/haproxy/admin.sock) or "
                       "host:port",
                       c->socket);
    return 0;
}

const struct word haproxy_word = {
    .name = "haproxy",
    .help = "weights of two servers of an HAProxy backend, through the runtime socket",
    .fields = haproxy_fields,
    .n_fields = N_OF(haproxy_fields),
    .config_size = sizeof(struct haproxy_config),
    .check = haproxy_check,
    .implementation = &haproxy_platform,
};

static const struct field webhook_fields[] = {
    {.name = "url",
     .type = FIELD_URL,
     .offset = offsetof(struct webhook_config, url),
     .is_required = true,
     .is_target = true,
     .help = "your endpoint; signed POSTs ask it to observe, to set the share, to retire"},
    {.name = "secret_ref",
     .type = FIELD_NAME,
     .offset = offsetof(struct webhook_config, secret_ref),
     .is_required = true,
     .help = "name of the secret that signs the calls (HMAC-SHA256); the secret itself is never in "
             "a spec"},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .offset = offsetof(struct webhook_config, timeout_us),
     .min = 0.1,
     .max = 5,
     .dflt = "5s",
     .unit = "duration",
     .help = "how long one call may take"},
};

const struct word webhook_word = {
    .name = "webhook",
    .help = "signed calls to an endpoint of yours that moves the traffic",
    .fields = webhook_fields,
    .n_fields = N_OF(webhook_fields),
    .config_size = sizeof(struct webhook_config),
    .implementation = &webhook_platform,
};

const struct word none_word = {
    .name = "none",
    .help = "only judge: another tool asks, acts, and reports its shifts",
    .implementation = &none_platform,
};
