#include "lib/redis/slots.h"

#include <string.h>
#include <strings.h>

#include "lib/base/num.h"
#include "lib/redis/redis_priv.h"

static uint16_t crc16(const char *bytes, size_t len)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint16_t redis_key_slot(const char *key, size_t len)
{
    const char *open = memchr(key, '{', len);
    if (open) {
        const char *close = memchr(open + 1, '}', len - (size_t)(open + 1 - key));
        if (close && close > open + 1)
            return crc16(open + 1, (size_t)(close - open - 1)) % REDIS_SLOTS;
    }
    return crc16(key, len) % REDIS_SLOTS;
}

/* Commands whose first key is not their first argument; 0: they have none. */
static const struct {
    const char *name;
    size_t key;
} odd_commands[] = {
    {"PING", 0},   {"WAIT", 0},  {"INFO", 0},   {"TIME", 0},   {"ECHO", 0},
    {"SCRIPT", 0}, {"ACL", 0},   {"CLIENT", 0}, {"CONFIG", 0}, {"DBSIZE", 0},
    {"OBJECT", 2}, {"XINFO", 2}, {"MEMORY", 2},
};

static bool is_word(const struct redis_batch *b, size_t span, const char *word)
{
    return b->spans[span].len == strlen(word) &&
           strncasecmp(b->args.data + b->spans[span].at, word, strlen(word)) == 0;
}

/* Where the first key stands among the command's arguments (0: the name itself, so none). */
static size_t first_key(const struct redis_batch *b, const struct redis_cmd *cmd)
{
    if (cmd->script) { /* number of keys, keys, arguments */
        int64_t n;
        const struct redis_span *count = &b->spans[cmd->first];
        return num_parse_i64(b->args.data + count->at, count->len, &n) == 0 && n > 0 ? 1 : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(odd_commands); i++)
        if (is_word(b, cmd->first, odd_commands[i].name))
            return odd_commands[i].key;
    if (is_word(b, cmd->first, "XREAD"))
        for (size_t i = 1; i < cmd->n; i++)
            if (is_word(b, cmd->first + i, "STREAMS"))
                return i + 1;
    return 1;
}

int redis_batch_slot(const struct redis_batch *b, size_t i)
{
    const struct redis_cmd *cmd = &b->cmds[i];
    size_t key = first_key(b, cmd);
    if (key == 0 || key >= cmd->n)
        return -1;
    const struct redis_span *span = &b->spans[cmd->first + key];
    return redis_key_slot(b->args.data + span->at, span->len);
}
