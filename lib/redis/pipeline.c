/*
 * What is on the wire: which reply answers what, in which form commands go out.
 *
 * Replies come in the order of the commands, so a ring of slots says what the next one answers. A
 * batch is encoded whole. Runs on the redis thread alone.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/redis/redis_priv.h"

/* ---- slots ---- */

static void slot_push(struct link *l, struct slot s)
{
    if (l->n_slots == l->cap_slots) {
        size_t cap = l->cap_slots ? l->cap_slots * 2 : 256;
        struct slot *grown = mem_alloc_array(cap, sizeof(*grown));
        for (size_t i = 0; i < l->n_slots; i++)
            grown[i] = l->slots[(l->slot_head + i) % l->cap_slots];
        free(l->slots);
        l->slots = grown;
        l->cap_slots = cap;
        l->slot_head = 0;
    }
    l->slots[(l->slot_head + l->n_slots++) % l->cap_slots] = s;
    if (s.batch)
        s.batch->left++;
}

void link_send_ours(struct link *l, enum slot_kind kind, size_t command, int argc,
                    const char **argv)
{
    char *wire = NULL;
    int len = redisFormatCommandArgv(&wire, argc, argv, NULL);
    BUG_ON(len < 0);
    buf_add(&l->out, wire, (size_t)len);
    redisFreeCommand(wire);
    slot_push(l, (struct slot){.kind = kind, .command = command});
}

/* The script's row of this connection; a new one also asks for its digest. */
static struct script_known *script_row(struct link *l, const struct redis_script *script)
{
    for (size_t i = 0; i < l->n_scripts; i++)
        if (l->scripts[i].script == script)
            return &l->scripts[i];
    BUG_ON(l->n_scripts == REDIS_SCRIPTS_MAX);
    size_t i = l->n_scripts++;
    l->scripts[i] = (struct script_known){.script = script};
    const char *argv[] = {"SCRIPT", "LOAD", script->source};
    link_send_ours(l, SLOT_SCRIPT_LOAD, i, 3, argv);
    return &l->scripts[i];
}

static void encode_command(struct link *l, struct redis_batch *b, size_t i, bool with_source)
{
    const char *digest = NULL;
    if (b->cmds[i].script && !with_source) {
        const struct script_known *row = script_row(l, b->cmds[i].script);
        digest = row->digest[0] ? row->digest : NULL;
    }
    redis_batch_encode(b, i, digest, &l->out);
    slot_push(l, (struct slot){
                     .batch = b, .command = i, .kind = b->is_multi ? SLOT_QUEUED : SLOT_COMMAND});
}

void link_encode(struct link *l, struct redis_batch *b)
{
    static const char multi[] = "*1\r\n$5\r\nMULTI\r\n", exec[] = "*1\r\n$4\r\nEXEC\r\n";
    b->replies = arena_array(&b->replies_in, b->n_cmds, sizeof(*b->replies));
    for (size_t i = 0; i < b->n_cmds; i++)
        b->replies[i] = (struct redis_reply){.type = REDIS_NIL, .text = ""};
    if (b->is_multi) {
        buf_add(&l->out, multi, sizeof(multi) - 1);
        slot_push(l, (struct slot){.batch = b, .kind = SLOT_MULTI});
    }
    for (size_t i = 0; i < b->n_cmds; i++) {
        BUG_ON(b->is_multi && b->cmds[i].script);
        encode_command(l, b, i, false);
    }
    if (b->is_multi) {
        buf_add(&l->out, exec, sizeof(exec) - 1);
        slot_push(l, (struct slot){.batch = b, .kind = SLOT_EXEC});
    }
    BUG_ON(!buf_ok(&l->out));
    b->is_sent = true;
    redis_count(REDIS_COUNT_COMMANDS, (int64_t)b->n_cmds);
}

/* ---- replies ---- */

static void batch_replied(struct link *l, struct redis_batch *b)
{
    if (--b->left > 0)
        return;
    struct err why;
    int rc = 0;
    for (size_t i = 0; i < b->n_cmds && rc == 0 && !b->allow_errors; i++)
        if (b->replies[i].type == REDIS_ERROR) {
            const struct redis_script *script = b->cmds[i].script;
            const char *text = b->replies[i].text;
            bool is_acl = strncmp(text, "NOPERM", 6) == 0 || strstr(text, "ACL failure");
            rc = err_set(&why, ERR_REDIS, "redis refused %s: %s%s",
                         script ? script->name : "a command", text,
                         is_acl ? " (the ACL that is needed stands in docs/redis.md)" : "");
        }
    link_finish(b, rc, REDIS_DONE, &why);
    link_drop(l, &l->sent, b);
}

static bool script_forgotten(struct link *l, const struct slot *s, const struct redis_reply *reply)
{
    const struct redis_script *script = s->batch->cmds[s->command].script;
    if (!script || s->batch->is_finished || reply->type != REDIS_ERROR ||
        strncmp(reply->text, "NOSCRIPT", 8) != 0)
        return false;
    /* Not run: the server did not know it. The source goes along this time (and is then known). */
    encode_command(l, s->batch, s->command, true);
    s->batch->left--;
    return true;
}

static void exec_reply(struct redis_batch *b, const struct redis_reply *reply)
{
    for (size_t i = 0; i < b->n_cmds; i++)
        if (reply->type == REDIS_ARRAY)
            b->replies[i] = *redis_item(reply, i);
        else if (b->replies[i].type != REDIS_ERROR)
            b->replies[i] = *reply; /* EXECABORT; the guilty command keeps its own words */
}

/* One reply for the slot; false when the link went down. */
bool link_take_reply(struct link *l, const struct redis_reply *reply)
{
    struct slot s = l->slots[l->slot_head];
    l->slot_head = (l->slot_head + 1) % l->cap_slots;
    l->n_slots--;
    switch (s.kind) {
    case SLOT_HANDSHAKE:
        return link_handshake_reply(l, s.command, reply);
    case SLOT_SCRIPT_LOAD:
        if (reply->type == REDIS_STRING && reply->len == 40)
            memcpy(l->scripts[s.command].digest, reply->text, 41);
        else
            log_warn("redis", "SCRIPT LOAD of %s: %s", l->scripts[s.command].script->name,
                     reply->text);
        return true;
    case SLOT_COMMAND:
        if (script_forgotten(l, &s, reply))
            return true;
        s.batch->replies[s.command] = *reply;
        break;
    case SLOT_QUEUED:
        if (reply->type == REDIS_ERROR)
            s.batch->replies[s.command] = *reply;
        break;
    case SLOT_EXEC:
        exec_reply(s.batch, reply);
        break;
    case SLOT_MULTI:
        break;
    }
    batch_replied(l, s.batch);
    return true;
}
