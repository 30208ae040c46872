/* What a person wants to know of the Redis behind us; read once, when somebody asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/store_priv.h"

/* The value of "name:value" in an INFO text. */
static bool info_take(const char *info, const char *name, char *out, size_t size)
{
    const size_t len = strlen(name);
    for (const char *at = info; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        if (strncmp(at, name, len) != 0 || at[len] != ':')
            continue;
        const size_t n = strcspn(at + len + 1, "\r\n");
        snprintf(out, size, "%.*s", (int)n, at + len + 1);
        return true;
    }
    return false;
}

static int64_t info_int(const char *info, const char *name)
{
    char text[32];
    return info_take(info, name, text, sizeof(text)) ? strtoll(text, NULL, 10) : 0;
}

int store_diagnose(struct store *s, struct store_diagnosis *out, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    *out = (struct store_diagnosis){.is_embedded = s->is_embedded};
    redis_batch_allow_errors(b); /* a user of an ACL may lack CONFIG */
    redis_command(b, "TIME");
    redis_command(b, "INFO");
    redis_command_strs(b, "CONFIG", "GET", "appendfsync", NULL);
    const struct mono start = mono_now();
    int rc = store_run(s, b, err);
    if (rc == 0) {
        out->answered_us = mono_now().us - start.us;
        const struct redis_reply *time = redis_reply(b, 0), *info = redis_reply(b, 1),
                                 *fsync = redis_reply(b, 2);
        const int64_t half = out->answered_us / 2;
        out->clock_ahead_us = redis_int(redis_item(time, 0), 0) * US_PER_SECOND +
                              redis_int(redis_item(time, 1), 0) + half - wall_now().us;
        if (info->type == REDIS_ERROR)
            rc = err_set(err, ERR_REDIS, "INFO: %s", info->text);
        info_take(info->text, "redis_version", out->version, sizeof(out->version));
        out->memory_used = info_int(info->text, "used_memory");
        out->memory_max = info_int(info->text, "maxmemory");
        out->replicas = (int)info_int(info->text, "connected_slaves");
        out->has_aof = info_int(info->text, "aof_enabled") == 1;
        out->syncs_always = redis_is(redis_item(fsync, 1), "always");
    }
    redis_batch_free(b);
    return rc;
}
