/*
 * Batches: building commands, their wire form, and the replies as values.
 *
 * hiredis' reader is given our own constructors, so a reply is built once, straight into the
 * batch's arena, and dies with the batch.
 */
#include "lib/redis/redis_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/num.h"

struct redis_batch *redis_batch_new(void)
{
    struct redis_batch *b = mem_alloc(sizeof(*b));
    atomic_init(&b->refs, 1);
    buf_init(&b->args, REDIS_BATCH_BYTES_MAX);
    arena_init(&b->replies_in);
    BUG_ON(pthread_mutex_init(&b->lock, NULL) != 0);
    BUG_ON(pthread_cond_init(&b->cond, NULL) != 0);
    return b;
}

void redis_batch_ref(struct redis_batch *b)
{
    atomic_fetch_add(&b->refs, 1);
}

void redis_batch_free(struct redis_batch *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    buf_release(&b->args);
    arena_release(&b->replies_in);
    free(b->spans);
    free(b->cmds);
    pthread_cond_destroy(&b->cond);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void redis_batch_multi(struct redis_batch *b)
{
    BUG_ON(b->is_handed);
    b->is_multi = true;
}

void redis_batch_then(struct redis_batch *b)
{
    BUG_ON(b->is_handed || b->is_multi);
    b->begins_stage = true;
}

void redis_batch_allow_errors(struct redis_batch *b)
{
    b->allow_errors = true;
}

static size_t begin(struct redis_batch *b)
{
    BUG_ON(b->is_handed);
    if (b->n_cmds == b->cap_cmds) {
        b->cap_cmds = b->cap_cmds ? b->cap_cmds * 2 : 8;
        b->cmds = mem_grow(b->cmds, b->cap_cmds, sizeof(*b->cmds));
    }
    if (b->n_cmds >= REDIS_BATCH_COMMANDS_MAX)
        b->is_too_long = true;
    b->cmds[b->n_cmds] = (struct redis_cmd){
        .first = b->n_spans, .slot = -1, .begins_stage = b->begins_stage && b->n_cmds > 0};
    b->begins_stage = false;
    return b->n_cmds++;
}

size_t redis_command(struct redis_batch *b, const char *name)
{
    size_t i = begin(b);
    redis_arg_str(b, name);
    return i;
}

void redis_arg(struct redis_batch *b, const void *bytes, size_t len)
{
    BUG_ON(b->is_handed || b->n_cmds == 0);
    if (b->n_spans == b->cap_spans) {
        b->cap_spans = b->cap_spans ? b->cap_spans * 2 : 32;
        b->spans = mem_grow(b->spans, b->cap_spans, sizeof(*b->spans));
    }
    b->spans[b->n_spans++] = (struct redis_span){.at = b->args.len, .len = len};
    b->cmds[b->n_cmds - 1].n++;
    buf_add(&b->args, bytes, len);
}

void redis_arg_str(struct redis_batch *b, const char *text)
{
    redis_arg(b, text, strlen(text));
}

void redis_arg_int(struct redis_batch *b, int64_t v)
{
    redis_argf(b, "%lld", (long long)v);
}

void redis_argf(struct redis_batch *b, const char *fmt, ...)
{
    struct buf text;
    buf_init(&text, REDIS_BATCH_BYTES_MAX);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&text, fmt, args);
    va_end(args);
    redis_arg(b, text.data, text.len);
    buf_release(&text);
}

size_t redis_command_strs(struct redis_batch *b, const char *name, ...)
{
    size_t i = redis_command(b, name);
    va_list args;
    va_start(args, name);
    for (const char *text; (text = va_arg(args, const char *)) != NULL;)
        redis_arg_str(b, text);
    va_end(args);
    return i;
}

size_t redis_eval(struct redis_batch *b, const struct redis_script *script, size_t n_keys)
{
    size_t i = begin(b);
    b->cmds[i].script = script;
    redis_arg_int(b, (int64_t)n_keys);
    return i;
}

void redis_batch_encode(const struct redis_batch *b, size_t i, const char *digest, struct buf *out)
{
    const struct redis_cmd *cmd = &b->cmds[i];
    size_t extra = cmd->script ? 2 : 0, n = cmd->n + extra;
    const char **argv = mem_alloc_array(n, sizeof(*argv));
    size_t *lens = mem_alloc_array(n, sizeof(*lens));
    if (cmd->script) {
        argv[0] = digest ? "EVALSHA" : "EVAL";
        argv[1] = digest ? digest : cmd->script->source;
        lens[0] = strlen(argv[0]);
        lens[1] = strlen(argv[1]);
    }
    for (size_t k = 0; k < cmd->n; k++) {
        argv[extra + k] = b->args.data + b->spans[cmd->first + k].at;
        lens[extra + k] = b->spans[cmd->first + k].len;
    }
    char *wire = NULL;
    int len = redisFormatCommandArgv(&wire, (int)n, argv, lens);
    BUG_ON(len < 0);
    buf_add(out, wire, (size_t)len);
    redisFreeCommand(wire);
    free(argv);
    free(lens);
}

/* ---- replies ---- */

void redis_batch_expect(struct redis_batch *b)
{
    if (b->replies)
        return;
    b->replies = arena_array(&b->replies_in, b->n_cmds, sizeof(*b->replies));
    for (size_t i = 0; i < b->n_cmds; i++)
        b->replies[i] = (struct redis_reply){.type = REDIS_NIL, .text = ""};
}

static struct redis_reply *place(const redisReadTask *task)
{
    if (task->parent) {
        /* The parent is one of ours, and not read by anybody before it is complete. */
        struct redis_reply *parent = task->parent->obj;
        union {
            const struct redis_reply *in;
            struct redis_reply *out;
        } items = {.in = parent->items};
        return &items.out[task->idx];
    }
    return arena_alloc(task->privdata, sizeof(struct redis_reply));
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    struct redis_reply *r = place(task);
    r->type = task->type == REDIS_REPLY_ERROR    ? REDIS_ERROR
              : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                 : REDIS_STRING;
    r->text = arena_copy(task->privdata, text, len);
    r->len = len;
    return r;
}

static void *make_array(const redisReadTask *task, int n)
{
    if (n > REDIS_REPLY_ITEMS_MAX)
        return NULL; /* hiredis gives the connection up */
    struct redis_reply *r = place(task);
    r->type = REDIS_ARRAY;
    r->text = "";
    r->n = n > 0 ? (size_t)n : 0;
    r->items = arena_array(task->privdata, r->n ? r->n : 1, sizeof(struct redis_reply));
    return r;
}

static void *make_integer(const redisReadTask *task, long long v)
{
    struct redis_reply *r = place(task);
    r->type = REDIS_INTEGER;
    r->integer = v;
    r->text = "";
    return r;
}

static void *make_nil(const redisReadTask *task)
{
    struct redis_reply *r = place(task);
    r->type = REDIS_NIL;
    r->text = "";
    return r;
}

static void make_nothing(void *reply)
{
    (void)reply; /* it lives in an arena */
}

redisReplyObjectFunctions redis_reply_makers = {
    .createString = make_string,
    .createArray = make_array,
    .createInteger = make_integer,
    .createNil = make_nil,
    .freeObject = make_nothing,
};

static const struct redis_reply nil_reply = {.type = REDIS_NIL, .text = ""};

const struct redis_reply *redis_reply(const struct redis_batch *b, size_t i)
{
    BUG_ON(i >= b->n_cmds);
    return b->replies && b->outcome == REDIS_DONE ? &b->replies[i] : &nil_reply;
}

size_t redis_reply_count(const struct redis_batch *b)
{
    return b->outcome == REDIS_DONE ? b->n_cmds : 0;
}

enum redis_outcome redis_batch_outcome(const struct redis_batch *b)
{
    return b->outcome;
}

const struct redis_reply *redis_item(const struct redis_reply *r, size_t i)
{
    return r->type == REDIS_ARRAY && i < r->n ? &r->items[i] : &nil_reply;
}

int64_t redis_int(const struct redis_reply *r, int64_t dflt)
{
    int64_t v;
    if (r->type == REDIS_INTEGER)
        return r->integer;
    if (r->type == REDIS_STRING && num_parse_i64(r->text, r->len, &v) == 0)
        return v;
    return dflt;
}

bool redis_is(const struct redis_reply *r, const char *text)
{
    return (r->type == REDIS_STRING || r->type == REDIS_STATUS) && r->len == strlen(text) &&
           memcmp(r->text, text, r->len) == 0;
}

const struct redis_reply *redis_field(const struct redis_reply *pairs, const char *name)
{
    if (pairs->type != REDIS_ARRAY)
        return NULL;
    for (size_t i = 0; i + 1 < pairs->n; i += 2)
        if (redis_is(&pairs->items[i], name))
            return &pairs->items[i + 1];
    return NULL;
}
