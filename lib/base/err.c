/*
 * Errors: the table of codes, the bounded message, bugs, and memory that aborts when it is out.
 *
 * Checklist: if you add a code, add its row here; the API description, the exit codes of judgectl
 * and the retry rules of clients are read from this table.
 */
#include "lib/base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"

/* name, HTTP status, exit code, may retry, log level, title */
static const struct err_info err_codes[] = {
    [ERR_NONE] = {"none", 200, 0, false, LOG_LEVEL_DEBUG, "No error"},
    [ERR_INPUT] = {"input", 400, 2, false, LOG_LEVEL_INFO, "The request cannot be read"},
    [ERR_SPEC] = {"spec", 422, 2, false, LOG_LEVEL_INFO, "The specification is not possible"},
    [ERR_USAGE] = {"usage", 400, 2, false, LOG_LEVEL_INFO, "Wrong usage"},
    [ERR_AUTH] = {"auth", 401, 5, false, LOG_LEVEL_WARN, "No or wrong credential"},
    [ERR_FORBIDDEN] = {"forbidden", 403, 5, false, LOG_LEVEL_WARN, "Not allowed"},
    [ERR_NOT_FOUND] = {"not_found", 404, 5, false, LOG_LEVEL_INFO, "Not found"},
    [ERR_METHOD] = {"method", 405, 5, false, LOG_LEVEL_INFO, "Method not allowed"},
    [ERR_CONFLICT] = {"conflict", 409, 5, false, LOG_LEVEL_INFO, "Conflict"},
    [ERR_PRECONDITION] = {"precondition", 412, 5, false, LOG_LEVEL_INFO, "Changed in between"},
    [ERR_REUSED_KEY] = {"reused_key", 422, 5, false, LOG_LEVEL_INFO, "Idempotency key used before"},
    [ERR_MEDIA_TYPE] = {"media_type", 415, 5, false, LOG_LEVEL_INFO, "Media type not taken"},
    [ERR_TOO_LARGE] = {"too_large", 413, 5, false, LOG_LEVEL_INFO, "Too large"},
    [ERR_LIMIT] = {"limit", 429, 5, true, LOG_LEVEL_WARN, "Limit reached"},
    [ERR_FENCED] = {"fenced", 409, 5, true, LOG_LEVEL_WARN, "Owned by another judge"},
    [ERR_UNAVAILABLE] = {"unavailable", 503, 5, true, LOG_LEVEL_WARN, "Not available now"},
    [ERR_REDIS] = {"redis", 503, 5, true, LOG_LEVEL_ERROR, "The store does not answer"},
    [ERR_NETWORK] = {"network", 502, 5, true, LOG_LEVEL_WARN, "Another system is unreachable"},
    [ERR_TIMEOUT] = {"timeout", 504, 5, true, LOG_LEVEL_WARN, "A deadline passed"},
    [ERR_PLATFORM] = {"platform", 502, 6, true, LOG_LEVEL_ERROR, "The platform did not follow"},
    [ERR_PROTOCOL] = {"protocol", 502, 5, false, LOG_LEVEL_WARN, "The peer broke its protocol"},
    [ERR_CORRUPT] = {"corrupt", 500, 5, false, LOG_LEVEL_ERROR, "Stored data cannot be read"},
    [ERR_SYSTEM] = {"system", 500, 5, false, LOG_LEVEL_ERROR, "A system call failed"},
};
static_assert(ARRAY_LEN(err_codes) == ERR_CODE_COUNT, "every code has its row");

const struct err_info *err_info(enum err_code code)
{
    BUG_ON((int)code < 0 || code >= ERR_CODE_COUNT);
    return &err_codes[code];
}

enum err_code err_code_by_name(const char *name)
{
    for (size_t i = 1; i < ARRAY_LEN(err_codes); i++) {
        if (strcmp(err_codes[i].name, name) == 0)
            return (enum err_code)i;
    }
    return ERR_NONE;
}

/* Ends a message that did not fit in "...", without cutting a UTF-8 character in two. */
static void mark_cut(char *message)
{
    size_t end = ERR_MESSAGE_BYTES - 4;
    while (end > 0 && ((unsigned char)message[end] & 0xc0) == 0x80)
        end--;
    memcpy(message + end, "...", 4);
}

/* Appends at *used; the result is always terminated, cut with "..." once full. */
static void append_args(char *message, size_t *used, const char *fmt, va_list args)
{
    size_t room = ERR_MESSAGE_BYTES - *used;
    int n;
    if (room <= 1)
        return;
    n = vsnprintf(message + *used, room, fmt, args);
    if (n < 0)
        return;
    if ((size_t)n < room) {
        *used += (size_t)n;
        return;
    }
    mark_cut(message);
    *used = ERR_MESSAGE_BYTES;
}

static PRINTF_LIKE(3, 4) void append(char *message, size_t *used, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append_args(message, used, fmt, args);
    va_end(args);
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    char message[ERR_MESSAGE_BYTES] = "";
    size_t used = 0;
    va_list args;
    if (!err)
        return -1;
    /* Formatted aside: an argument may be the old message. */
    va_start(args, fmt);
    append_args(message, &used, fmt, args);
    va_end(args);
    err->code = code;
    memcpy(err->message, message, sizeof(message));
    return -1;
}

int err_set_errno(struct err *err, enum err_code code, const char *fmt, ...)
{
    int saved = errno;
    char message[ERR_MESSAGE_BYTES] = "";
    char reason[128] = "";
    size_t used = 0;
    va_list args;
    if (!err)
        return -1;
    va_start(args, fmt);
    append_args(message, &used, fmt, args);
    va_end(args);
    append(message, &used, ": %s", strerror_r(saved, reason, sizeof(reason)));
    err->code = code;
    memcpy(err->message, message, sizeof(message));
    errno = saved;
    return -1;
}

int err_context(struct err *err, const char *fmt, ...)
{
    char message[ERR_MESSAGE_BYTES] = "";
    size_t used = 0;
    va_list args;
    if (!err)
        return -1;
    va_start(args, fmt);
    append_args(message, &used, fmt, args);
    va_end(args);
    append(message, &used, ": %s", err->message);
    memcpy(err->message, message, sizeof(message));
    return -1;
}

void err_clear(struct err *err)
{
    if (!err)
        return;
    err->code = ERR_NONE;
    err->message[0] = '\0';
}

void bug_at(const char *file, int line, const char *what)
{
    fprintf(stderr, "bug: %s:%d: %s\n", file, line, what);
    fflush(stderr);
    abort();
}

static NORETURN void out_of_memory(size_t count, size_t bytes)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes\n", count, bytes);
    fflush(stderr);
    abort();
}

void *mem_alloc(size_t bytes)
{
    return mem_alloc_array(1, bytes);
}

void *mem_alloc_array(size_t count, size_t bytes)
{
    void *p = calloc(count ? count : 1, bytes ? bytes : 1);
    if (!p)
        out_of_memory(count, bytes);
    return p;
}

void *mem_grow(void *old, size_t count, size_t bytes)
{
    size_t total;
    void *p;
    if (__builtin_mul_overflow(count, bytes, &total))
        out_of_memory(count, bytes);
    p = realloc(old, total ? total : 1);
    if (!p)
        out_of_memory(count, bytes);
    return p;
}

char *mem_strdup(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = mem_alloc(len);
    memcpy(copy, text, len);
    return copy;
}
