#include "lib/net/backoff.h"

#include "lib/base/err.h"
#include "lib/base/map.h"
#include "lib/net/limits.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct place {
    uint64_t key;
    int failures;
    struct mono last;
    struct mono until;
};

struct backoff {
    _Atomic int used; /* places with failures: 0 lets requests pass without the lock */
    pthread_mutex_t lock;
    struct place places[BACKOFF_ADDRESSES];
};

struct backoff *backoff_new(void)
{
    struct backoff *b = mem_alloc(sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void backoff_free(struct backoff *b)
{
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    free(b);
}

uint64_t backoff_key(const struct sockaddr *peer)
{
    uint64_t key = 0;
    if (peer->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)peer;
        if (ntohl(in->sin_addr.s_addr) >> 24 == 127)
            return 0;
        key = map_hash(&in->sin_addr, sizeof(in->sin_addr));
    } else if (peer->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)peer;
        const unsigned char *a = in->sin6_addr.s6_addr;
        if (IN6_IS_ADDR_LOOPBACK(&in->sin6_addr))
            return 0;
        if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr))
            return a[12] == 127 ? 0 : map_hash(a + 12, 4) | 1;
        key = map_hash(a, 8);
    } else {
        return 0;
    }
    return key | 1;
}

static struct place *place_of(struct backoff *b, uint64_t key)
{
    return &b->places[(key >> 1) % BACKOFF_ADDRESSES];
}

static void forget(struct backoff *b, struct place *p)
{
    if (p->key)
        atomic_fetch_sub(&b->used, 1);
    *p = (struct place){0};
}

int backoff_wait_s(struct backoff *b, uint64_t key, struct mono now)
{
    struct place *p = place_of(b, key);
    int wait = 0;
    if (!key || !atomic_load_explicit(&b->used, memory_order_relaxed))
        return 0;
    pthread_mutex_lock(&b->lock);
    if (p->key == key) {
        if (now.us - p->last.us > 2 * BACKOFF_MAX_S * US_PER_SECOND)
            forget(b, p);
        else if (!mono_passed(now, p->until))
            wait = (int)((p->until.us - now.us + US_PER_SECOND - 1) / US_PER_SECOND);
    }
    pthread_mutex_unlock(&b->lock);
    return wait;
}

void backoff_failed(struct backoff *b, uint64_t key, struct mono now)
{
    struct place *p = place_of(b, key);
    int over;
    if (!key)
        return;
    pthread_mutex_lock(&b->lock);
    if (p->key != key || now.us - p->last.us > 2 * BACKOFF_MAX_S * US_PER_SECOND) {
        forget(b, p);
        p->key = key;
        atomic_fetch_add(&b->used, 1);
    }
    p->last = now;
    over = ++p->failures - BACKOFF_FREE_FAILURES;
    if (over > 0) {
        int pause = over > 6 ? BACKOFF_MAX_S : 1 << (over - 1);
        p->until = mono_add_ms(now, 1000LL * (pause < BACKOFF_MAX_S ? pause : BACKOFF_MAX_S));
    }
    pthread_mutex_unlock(&b->lock);
}

void backoff_succeeded(struct backoff *b, uint64_t key)
{
    struct place *p = place_of(b, key);
    if (!key || !atomic_load_explicit(&b->used, memory_order_relaxed))
        return;
    pthread_mutex_lock(&b->lock);
    if (p->key == key)
        forget(b, p);
    pthread_mutex_unlock(&b->lock);
}
