/*
 * Keys of batches that were stored not long ago (struct known_key says why they are kept).
 */
#include <stdlib.h>
#include <string.h>

#include "collectors/aggregator/flight_priv.h"
#include "collectors/aggregator/shard.h"

static struct known_key *known_key(const struct stream *s, size_t i)
{
    return &s->known[(s->known_at + i) % KNOWN_KEYS_MAX];
}

static void known_drop(struct stream *s)
{
    struct known_key *k = known_key(s, 0);
    free(k->key);
    free(k->digest);
    s->known_at = (s->known_at + 1) % KNOWN_KEYS_MAX;
    s->n_known--;
}

void known_add(struct stream *s, const struct batch *b, struct wall now)
{
    if (!s->known)
        s->known = mem_alloc_array(KNOWN_KEYS_MAX, sizeof(*s->known));
    while (s->n_known == KNOWN_KEYS_MAX ||
           (s->n_known && known_key(s, 0)->at.us < now.us - KNOWN_KEYS_US))
        known_drop(s);
    *known_key(s, s->n_known++) =
        (struct known_key){mem_strdup(b->key), mem_strdup(b->digest), now};
}

void known_free(struct stream *s)
{
    while (s->n_known)
        known_drop(s);
    free(s->known);
}

static const struct known_key *known_find(const struct stream *s, const char *key)
{
    for (size_t i = 0; i < s->n_known; i++)
        if (strcmp(known_key(s, i)->key, key) == 0)
            return known_key(s, i);
    return NULL;
}

void known_answer(struct ledger *l, struct stream *s)
{
    struct batch_part **at = &s->queue;
    while (*at) {
        struct batch_part *part = *at;
        const struct known_key *k = part->batch->key[0] ? known_find(s, part->batch->key) : NULL;
        if (!k) {
            at = &part->next;
            continue;
        }
        *at = part->next;
        batch_part_done(l, part,
                        strcmp(k->digest, part->batch->digest) == 0 ? COMMIT_DUP : COMMIT_REUSED);
    }
    s->queue_end = at;
}

void flight_add_known(struct flight *f)
{
    const struct stream *s = f->stream;
    size_t n = s->n_known;
    f->known = mem_alloc_array(n ? n : 1, sizeof(*f->known));
    f->known_digests = mem_alloc_array(n ? n : 1, sizeof(*f->known_digests));
    for (size_t i = 0; i < n; i++) {
        f->known[i] = known_key(s, i)->key;
        f->known_digests[i] = known_key(s, i)->digest;
    }
    f->commit.known_keys = f->known;
    f->commit.known_digests = f->known_digests;
    f->commit.n_known = n;
}
