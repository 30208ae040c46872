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
    if (s.part)
        s.part->left++;
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

static void encode_command(struct link *l, struct part *p, size_t i, bool with_source)
{
    struct redis_batch *b = p->batch;
    const char *digest = NULL;
    if (b->cmds[i].script && !with_source) {
        const struct script_known *row = script_row(l, b->cmds[i].script);
        digest = row->digest[0] ? row->digest : NULL;
    }
    if (p->is_asking)
        link_send_ours(l, SLOT_ASKING, 0, 1, (const char *[]){"ASKING"});
    redis_batch_encode(b, i, digest, &l->out);
    slot_push(l, (struct slot){
                     .part = p, .command = i, .kind = b->is_multi ? SLOT_QUEUED : SLOT_COMMAND});
}

void link_encode(struct link *l, struct part *p)
{
    static const char multi[] = "*1\r\n$5\r\nMULTI\r\n", exec[] = "*1\r\n$4\r\nEXEC\r\n";
    struct redis_batch *b = p->batch;
    redis_batch_expect(b);
    if (b->is_multi) {
        buf_add(&l->out, multi, sizeof(multi) - 1);
        slot_push(l, (struct slot){.part = p, .kind = SLOT_MULTI});
    }
    for (size_t k = 0; k < p->n; k++) {
        size_t i = p->cmds ? p->cmds[k] : k;
        BUG_ON(b->is_multi && b->cmds[i].script);
        encode_command(l, p, i, false);
    }
    if (b->is_multi) {
        buf_add(&l->out, exec, sizeof(exec) - 1);
        slot_push(l, (struct slot){.part = p, .kind = SLOT_EXEC});
    }
    BUG_ON(!buf_ok(&l->out));
    b->is_sent = true;
    redis_count(REDIS_COUNT_COMMANDS, (int64_t)p->n);
}

/* ---- replies ---- */

static bool script_forgotten(struct link *l, const struct slot *s, const struct redis_reply *reply)
{
    struct redis_batch *b = s->part->batch;
    if (!b->cmds[s->command].script || b->is_finished || reply->type != REDIS_ERROR ||
        strncmp(reply->text, "NOSCRIPT", 8) != 0)
        return false;
    /* Not run: the server did not know it. The source goes along this time (and is then known). */
    encode_command(l, s->part, s->command, true);
    s->part->left--;
    return true;
}

/* Is this part still the one that answers for the command? */
static bool is_current(const struct slot *s)
{
    const struct part *of = s->part->batch->cmds[s->command].part;
    return !of || of == s->part;
}

static void command_reply(struct link *l, const struct slot *s, const struct redis_reply *reply)
{
    struct redis_batch *b = s->part->batch;
    if (!is_current(s))
        return;
    if (!b->is_multi && l->r->cluster && cluster_redirect(l, s->part, s->command, reply))
        return;
    b->replies[s->command] = *reply;
}

static void exec_reply(struct link *l, struct part *p, const struct redis_reply *reply)
{
    struct redis_batch *b = p->batch;
    const struct redis_reply *refused = reply;
    for (size_t i = 0; i < b->n_cmds && reply->type == REDIS_ERROR; i++)
        if (b->replies[i].type == REDIS_ERROR && refused == reply)
            refused = &b->replies[i]; /* EXEC was aborted for it */
    if (l->r->cluster && cluster_redirect(l, p, 0, refused)) {
        for (size_t i = 0; i < b->n_cmds; i++)
            b->replies[i] = (struct redis_reply){.type = REDIS_NIL, .text = ""};
        return;
    }
    for (size_t i = 0; i < b->n_cmds; i++)
        if (reply->type == REDIS_ARRAY)
            b->replies[i] = *redis_item(reply, i);
        else if (b->replies[i].type != REDIS_ERROR)
            b->replies[i] = *reply; /* EXECABORT; the guilty command keeps its own words */
}

/* A master that became a replica: nothing was done, and nothing more will be on this connection. */
static bool is_demoted(const struct link *l, const struct redis_reply *reply)
{
    return !l->r->cluster && reply->type == REDIS_ERROR && strncmp(reply->text, "READONLY", 8) == 0;
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
    case SLOT_ASKING:
        return true;
    case SLOT_MAP:
        cluster_take_map(l, s.command, reply);
        return l->state != LINK_DOWN;
    case SLOT_COMMAND:
        if (script_forgotten(l, &s, reply))
            return true;
        command_reply(l, &s, reply);
        break;
    case SLOT_QUEUED:
        if (reply->type == REDIS_ERROR && is_current(&s))
            s.part->batch->replies[s.command] = *reply;
        break;
    case SLOT_EXEC:
        if (is_current(&s))
            exec_reply(l, s.part, reply);
        break;
    case SLOT_MULTI:
        break;
    }
    bool must_leave = is_demoted(l, reply);
    if (--s.part->left == 0) {
        part_list_drop(&l->sent, s.part);
        part_done(l->r, s.part);
    }
    if (must_leave) {
        struct err why;
        err_set(&why, ERR_REDIS, "%s became a replica", l->node->shown);
        link_down(l, &why);
        return false;
    }
    return true;
}
