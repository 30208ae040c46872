#include "lib/base/map.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/t.h"

static char a, b;

static void put_get_take(void)
{
    struct map m;
    map_init(&m);
    T_CHECK(map_get_str(&m, "x") == NULL && map_take_str(&m, "x") == NULL);
    T_CHECK(map_put_str(&m, "x", &a) == NULL);
    T_CHECK(map_get_str(&m, "x") == &a);
    T_CHECK(map_put_str(&m, "x", &b) == &a);
    T_EQ_INT(m.len, 1);
    T_CHECK(map_take_str(&m, "x") == &b && map_get_str(&m, "x") == NULL);
    T_EQ_INT(m.len, 0);
    map_release(&m, NULL);
    map_release(&m, NULL);
}

static void keys_are_bytes(void)
{
    struct map m;
    char key[] = "k1";
    map_init(&m);
    map_put(&m, "", 0, &a);
    map_put(&m, "\0", 1, &b);
    map_put(&m, key, 2, &a);
    key[1] = '2'; /* the key was copied */
    T_CHECK(map_get(&m, NULL, 0) == &a);
    T_CHECK(map_get(&m, "\0", 1) == &b);
    T_CHECK(map_get(&m, "\0\0", 2) == NULL);
    T_CHECK(map_get_str(&m, "k1") == &a && map_get_str(&m, "k2") == NULL);
    map_release(&m, NULL);
}

/* A long random walk beside a plain array that knows the truth. */
static void agrees_with_an_array(void)
{
    enum { KEYS = 700 };
    static char values[2];
    char *truth[KEYS] = {0};
    struct map m;
    size_t live = 0;
    unsigned x = 1;
    map_init(&m);
    for (int step = 0; step < 200000; step++) {
        char key[16];
        unsigned k;
        void *old;
        x = x * 1664525u + 1013904223u;
        k = (x >> 8) % KEYS;
        snprintf(key, sizeof(key), "key-%u", k);
        if ((x >> 28) < 8) {
            old = map_put_str(&m, key, &values[x >> 31]);
            T_CHECK(old == truth[k]);
            live += !truth[k];
            truth[k] = &values[x >> 31];
        } else {
            T_CHECK(map_take_str(&m, key) == truth[k]);
            live -= !!truth[k];
            truth[k] = NULL;
        }
        T_EQ_INT(m.len, live);
    }
    T_CHECK(m.cap <= 2048); /* deleting leaves no trace for ever */
    for (unsigned k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof(key), "key-%u", k);
        T_CHECK(map_get_str(&m, key) == truth[k]);
    }
    map_release(&m, NULL);
}

static void iterates_over_all(void)
{
    enum { N = 1000 };
    struct map m;
    bool seen[N] = {false};
    size_t i = 0, len, n = 0;
    const void *key;
    void *value;
    map_init(&m);
    T_EQ_INT(map_next(&m, &i, &key, &len, &value), 0);
    for (int k = 0; k < N; k++)
        map_put(&m, &k, sizeof(k), mem_alloc(1));
    for (int k = 0; k < N; k += 2)
        free(map_take(&m, &k, sizeof(k)));
    for (i = 0; map_next(&m, &i, &key, &len, &value); n++) {
        int k;
        T_EQ_INT(len, sizeof(k));
        memcpy(&k, key, sizeof(k));
        T_CHECK(k % 2 == 1 && !seen[k] && value);
        seen[k] = true;
    }
    T_EQ_INT(n, N / 2);
    for (i = 0, n = 0; map_next(&m, &i, NULL, NULL, NULL);)
        n++;
    T_EQ_INT(n, N / 2);
    map_release(&m, free);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"put, get, take", put_get_take},
        {"keys are bytes", keys_are_bytes},
        {"agrees with an array", agrees_with_an_array},
        {"iterates over all", iterates_over_all},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
