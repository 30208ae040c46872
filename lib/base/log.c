/*
 * The log. A line is put together in one buffer and written with one write(2), so that lines of
 * several threads never mix. A control character in a message would let a client forge lines: it is
 * written as "\xNN".
 */
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define LOG_LINE_BYTES 2048

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};
static _Atomic int current_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

enum log_level log_level_now(void)
{
    return (enum log_level)atomic_load_explicit(&current_level, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

int log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

static void write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody to tell */
        bytes += n;
        len -= (size_t)n;
    }
}

/* Copies text with control characters made visible; returns the bytes used, at most room. */
static size_t copy_visible(char *to, size_t room, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != 0x7f) {
            if (used + 1 > room)
                break;
            to[used++] = (char)c;
        } else {
            if (used + 4 > room)
                break;
            to[used++] = '\\';
            to[used++] = 'x';
            to[used++] = hex[c >> 4];
            to[used++] = hex[c & 15];
        }
    }
    return used;
}

void log_line(enum log_level level, const char *room, const char *fmt, ...)
{
    char message[LOG_LINE_BYTES], line[LOG_LINE_BYTES], when[WALL_TEXT_BYTES];
    int saved = errno;
    va_list args;
    size_t used;
    BUG_ON((int)level < 0 || level >= LOG_LEVEL_OFF);
    if (level < log_level_now())
        return;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    used = (size_t)snprintf(line, sizeof(line), "%s %s %.32s ", wall_format(wall_now(), when),
                            level_names[level], room);
    used += copy_visible(line + used, sizeof(line) - used - 1, message);
    line[used++] = '\n';
    write_all(line, used);
    errno = saved;
}

void log_err(const char *room, const struct err *err)
{
    const struct err_info *info = err_info(err->code);
    log_line((enum log_level)info->log_level, room, "%s: %s", info->name, err->message);
}
