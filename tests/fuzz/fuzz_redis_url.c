// rooms: redis net crypto base
/*
 * Any text as the address of a Redis: refused, or parts that fit their places and a name to show
 * that holds neither user nor password.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/redis/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_url u;
    struct err err;
    char shown[REDIS_URL_SHOWN];
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (redis_url_parse(text, &u, &err) == 0) {
        BUG_ON(u.is_unix && (u.path[0] != '/' || !memchr(u.path, '\0', sizeof(u.path))));
        BUG_ON(u.n_seeds > REDIS_SEEDS_MAX || (u.n_seeds == 0) != u.is_unix ||
               (u.n_seeds > 1 && u.form == REDIS_SINGLE));
        BUG_ON((u.form == REDIS_SENTINEL) != (u.master[0] != '\0') ||
               (u.form == REDIS_CLUSTER && u.db != 0));
        bool has_sign = strchr(u.master, '@') != NULL;
        for (size_t i = 0; i < u.n_seeds; i++) {
            BUG_ON(u.seeds[i].host[0] == '\0' || u.seeds[i].port == 0);
            has_sign = has_sign || strchr(u.seeds[i].host, '@');
        }
        BUG_ON(u.db < 0 || strlen(u.user) >= sizeof(u.user) ||
               strlen(u.password) >= sizeof(u.password));
        redis_url_show(&u, shown);
        BUG_ON(!u.is_unix && strchr(shown, '@') && !has_sign);
        redis_url_wipe(&u);
    } else {
        BUG_ON(err.code != ERR_INPUT || err.message[0] == '\0');
    }
    free(text);
    return 0;
}
