/*
 * Opening, and what all files here share: running a batch, reading a script's word.
 */
#include "lib/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/store_priv.h"

struct store *store_open(const struct store_config *config, struct err *err)
{
    struct intents *intents = NULL;
    BUG_ON(strlen(config->node) >= sizeof(((struct lease *)0)->holder));
    if (config->state_dir) {
        intents = intents_open(config->state_dir, err);
        if (!intents)
            return NULL;
    }
    struct store *s = mem_alloc(sizeof(*s));
    s->redis = config->redis;
    s->node = mem_strdup(config->node);
    s->process = mem_strdup(config->process);
    s->is_embedded = config->is_embedded;
    s->wait_replicas = config->wait_replicas;
    s->call_ms = config->call_ms;
    s->intents = intents;
    replicated_init();
    pthread_mutex_init(&s->signs_lock, NULL);
    map_init(&s->signs);
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    intents_close(s->intents);
    map_release(&s->signs, free);
    pthread_mutex_destroy(&s->signs_lock);
    free(s->node);
    free(s->process);
    free(s);
}

void store_fence_args(struct redis_batch *b, const struct lease *lease)
{
    BUG_ON(!lease);
    redis_arg_int(b, lease->token);
    redis_arg_str(b, lease->holder);
}

/* The words scripts answer with. */
static const struct {
    const char *word;
    enum err_code code;
    const char *sentence;
} store_words[] = {
    {"gone", ERR_NOT_FOUND, "there is no such release"},
    {"fenced", ERR_FENCED, "the lease is gone, another process owns the release"},
    {"version", ERR_PRECONDITION, "it was changed in the meantime"},
    {"exists", ERR_CONFLICT, "it exists already"},
    {"held", ERR_CONFLICT, "another holds it"},
    {"done", ERR_CONFLICT, "the release is done"},
    {"active", ERR_CONFLICT, "the release is not done"},
    {"limit", ERR_LIMIT, "too many are kept already"},
    {"missing", ERR_NOT_FOUND, "there is none"},
    {"reused", ERR_REUSED_KEY, "the idempotency key was used for another request"},
};

int store_answer(const struct redis_reply *reply, const char *what, struct err *err)
{
    const struct redis_reply *word = redis_item(reply, 0);
    if (redis_is(word, "ok"))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(store_words); i++)
        if (redis_is(word, store_words[i].word)) {
            const struct redis_reply *more = redis_item(reply, reply->n - 1);
            if (reply->n > 1 && more->len > 0)
                return err_set(err, store_words[i].code, "%s: %s (%s)", what,
                               store_words[i].sentence, more->text);
            return err_set(err, store_words[i].code, "%s: %s", what, store_words[i].sentence);
        }
    return err_set(err, ERR_CORRUPT, "%s: redis gave an answer nobody knows", what);
}

int store_run(struct store *s, struct redis_batch *b, struct err *err)
{
    return redis_call(s->redis, REDIS_MAIN, b, s->call_ms, err);
}

int store_run_script(struct store *s, struct redis_batch *b, const char *what, struct err *err)
{
    int rc = store_run(s, b, err);
    if (rc == 0)
        rc = store_answer(redis_reply(b, 0), what, err);
    redis_batch_free(b);
    return rc;
}

void store_note_change(struct redis_batch *b, const char *id, const char *what)
{
    redis_batch_then(b); /* who is told must find it */
    redis_command(b, "XADD");
    key_arg(b, KEY_CHANGES);
    redis_arg_str(b, "MAXLEN");
    redis_arg_str(b, "~");
    redis_arg_int(b, STORE_CHANGES_KEPT);
    redis_arg_str(b, "*");
    redis_arg_str(b, "r");
    redis_arg_str(b, id);
    redis_arg_str(b, "w");
    redis_arg_str(b, what);
}

uint64_t store_generation(const struct store *s)
{
    return redis_generation(s->redis);
}

const char *store_text(const struct redis_reply *reply, struct arena *a)
{
    return arena_copy(a, reply->text, reply->len);
}

int store_ping(struct store *s, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "PING");
    int rc = store_run(s, b, err);
    redis_batch_free(b);
    return rc;
}
