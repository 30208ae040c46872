/*
 * Alarms that tell their changes: a sorted set an alarm, its members "STATE MESSAGE-ID" by the time
 * of the change. The same message again is the same member; an old one that comes late finds its
 * place; what is older than all that are kept falls out at once. So nothing has to be read before
 * it is written, any process may write, and each command may run again.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"
#include "lib/crypto/digest.h"
#include "lib/store/store_priv.h"

/* The names are other people's, of any bytes: their digest stands in the key. */
static void alarm_key(struct redis_batch *b, const char *alarm)
{
    char hex[DIGEST_HEX_BYTES];
    key_arg(b, KEY_ALARM, digest_sha256_hex(alarm, strlen(alarm), hex));
}

static bool is_word(const char *text, size_t max)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (!isgraph((unsigned char)text[n]))
            return false;
    return n > 0 && n <= max;
}

/* The alarm's place in the list of those that tell; the list bounds how many there are. It stands
 * in another slot, so it is written first: an entry too many at most. */
static int take_place(struct store *s, const char *alarm, struct wall at, struct err *err)
{
    char hex[DIGEST_HEX_BYTES];
    digest_sha256_hex(alarm, strlen(alarm), hex);
    struct redis_batch *b = redis_batch_new();
    redis_command(b, "ZREMRANGEBYSCORE");
    key_arg(b, KEY_ALARMS);
    redis_arg_str(b, "-inf");
    redis_arg_int(b, at.us - STORE_ALARM_SECONDS * US_PER_SECOND);
    const size_t add = redis_command(b, "ZADD");
    key_arg(b, KEY_ALARMS);
    redis_arg_int(b, at.us);
    redis_arg_str(b, hex);
    const size_t count = redis_command(b, "ZCARD");
    key_arg(b, KEY_ALARMS);
    int rc = store_run(s, b, err);
    const bool is_full = rc == 0 && redis_int(redis_reply(b, add), 0) == 1 &&
                         redis_int(redis_reply(b, count), 0) > STORE_ALARMS_MAX;
    redis_batch_free(b);
    if (!is_full)
        return rc;
    b = redis_batch_new();
    redis_command(b, "ZREM");
    key_arg(b, KEY_ALARMS);
    redis_arg_str(b, hex);
    rc = store_run(s, b, err);
    redis_batch_free(b);
    return rc == 0
               ? err_set(err, ERR_LIMIT, "%d alarms tell their changes already", STORE_ALARMS_MAX)
               : -1;
}

int store_alarm_note(struct store *s, const char *alarm, const struct alarm_note *note,
                     const char *message, bool *is_new, struct err *err)
{
    if (!is_word(note->state, sizeof(note->state) - 1) || !is_word(message, MODEL_NAME_MAX))
        return err_set(err, ERR_INPUT, "a state and a message's id are words without spaces");
    if (take_place(s, alarm, note->at, err) != 0)
        return -1;
    struct redis_batch *b = redis_batch_new();
    const size_t add = redis_command(b, "ZADD");
    alarm_key(b, alarm);
    redis_arg_int(b, note->at.us);
    redis_argf(b, "%s %s", note->state, message);
    redis_command(b, "ZREMRANGEBYRANK");
    alarm_key(b, alarm);
    redis_arg_int(b, 0);
    redis_arg_int(b, -STORE_ALARM_CHANGES_KEPT - 1);
    redis_command(b, "EXPIRE");
    alarm_key(b, alarm);
    redis_arg_int(b, STORE_ALARM_SECONDS);
    int rc = store_run_durable(s, b, err);
    if (rc == 0)
        *is_new = redis_int(redis_reply(b, add), 0) == 1;
    redis_batch_free(b);
    return rc;
}

/* ---- reading ---- */

struct reading {
    size_t n;
    store_alarms_done *done;
    void *user;
};

/* Members and scores in turn; what cannot be read is left out. */
static void read_notes(const struct redis_reply *reply, struct alarm_notes *out)
{
    out->n = 0;
    for (size_t i = 0; i + 1 < reply->n && out->n < STORE_ALARM_CHANGES_KEPT; i += 2) {
        const struct redis_reply *member = redis_item(reply, i), *score = redis_item(reply, i + 1);
        struct alarm_note *note = &out->notes[out->n];
        const char *space = memchr(member->text, ' ', member->len);
        double at;
        if (!space || (size_t)(space - member->text) >= sizeof(note->state) ||
            num_parse_double(score->text, score->len, &at) != 0)
            continue;
        memcpy(note->state, member->text, (size_t)(space - member->text));
        note->state[space - member->text] = '\0';
        note->at.us = (int64_t)at;
        out->n++;
    }
}

static void on_read(void *user, struct redis_batch *b, int rc, const struct err *err)
{
    struct reading *r = user;
    struct alarm_notes *notes = mem_alloc_array(r->n, sizeof(*notes));
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        read_notes(redis_reply(b, i), &notes[i]);
    r->done(r->user, rc, rc == 0 ? notes : NULL, err);
    free(notes);
    free(r);
}

void store_alarms(struct store *s, const char *const *alarms, size_t n, store_alarms_done *done,
                  void *user)
{
    BUG_ON(n == 0 || n > STORE_ALARMS_READ_MAX);
    struct reading *r = mem_alloc(sizeof(*r));
    *r = (struct reading){n, done, user};
    struct redis_batch *b = redis_batch_new();
    for (size_t i = 0; i < n; i++) {
        redis_command(b, "ZRANGE");
        alarm_key(b, alarms[i]);
        redis_arg_int(b, 0);
        redis_arg_int(b, -1);
        redis_arg_str(b, "WITHSCORES");
    }
    redis_submit(s->redis, REDIS_MAIN, b, s->call_ms, on_read, r);
}
