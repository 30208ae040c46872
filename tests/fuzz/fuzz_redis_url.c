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
    char shown[REDIS_URL_PART + 32];
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (redis_url_parse(text, &u, &err) == 0) {
        BUG_ON(u.is_unix ? u.path[0] != '/' || memchr(u.path, '\0', sizeof(u.path)) == NULL
                         : u.host[0] == '\0' || u.port == 0);
        BUG_ON(u.db < 0 || strlen(u.user) >= sizeof(u.user) ||
               strlen(u.password) >= sizeof(u.password));
        redis_url_show(&u, shown);
        BUG_ON(!u.is_unix && strchr(shown, '@') && !strchr(u.host, '@'));
        redis_url_wipe(&u);
    } else {
        BUG_ON(err.code != ERR_INPUT || err.message[0] == '\0');
    }
    free(text);
    return 0;
}
