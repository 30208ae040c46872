/*
 * Errors a caller can act on.
 *
 * A fallible function returns -1 or NULL and fills the caller's `struct err`: a code and one
 * bounded sentence that says what is wrong and what would be right. On success the err is
 * untouched. Context is added on the way up ("reading spec.yaml: line 4: ..."); the top logs or
 * answers once.
 *
 * Bugs are not errors: BUG_ON() is always compiled in and aborts. Out of memory aborts too; the
 * state is in Redis and a supervisor restarts.
 */
#ifndef LIB_BASE_ERR_H
#define LIB_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define WARN_UNUSED            __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))

/* The codes; err_codes[] in err.c says for each: name, HTTP status, exit code, retry, log level. */
enum err_code {
    ERR_NONE,
    ERR_INPUT,        /* bytes or values that cannot be read as what they should be */
    ERR_SPEC,         /* readable, but the combination is impossible */
    ERR_USAGE,        /* command line */
    ERR_AUTH,         /* no or wrong credential */
    ERR_FORBIDDEN,    /* right credential, wrong scope, service or target */
    ERR_NOT_FOUND,    /* no such release, service, route */
    ERR_METHOD,       /* the route exists, the method does not */
    ERR_CONFLICT,     /* exists already, or in another state */
    ERR_PRECONDITION, /* If-Match or version did not hold */
    ERR_REUSED_KEY,   /* same Idempotency-Key, other payload */
    ERR_MEDIA_TYPE,   /* Content-Type not taken here */
    ERR_TOO_LARGE,    /* body, line, label or document over its named limit */
    ERR_LIMIT,        /* rate, cardinality or queue limit */
    ERR_FENCED,       /* the lease is gone: somebody else owns the release */
    ERR_UNAVAILABLE,  /* not ready, shutting down, buffer full: try again later */
    ERR_REDIS,        /* Redis unreachable or answered with an error */
    ERR_NETWORK,      /* connect, read or write to another system failed */
    ERR_TIMEOUT,      /* a deadline passed */
    ERR_PLATFORM,     /* the platform refused or is in a state that is not ours */
    ERR_PROTOCOL,     /* the peer's bytes are not its protocol */
    ERR_CORRUPT,      /* what we stored cannot be read back */
    ERR_SYSTEM,       /* a system call failed */
    ERR_CODE_COUNT
};

#define ERR_MESSAGE_BYTES 768

struct err {
    enum err_code code;
    char message[ERR_MESSAGE_BYTES]; /* NUL-terminated, cut with "..." when too long */
};

/* Levels as in log.h, kept here as ints so that err.h stands alone. */
struct err_info {
    const char *name;  /* "input", stable: it is the tail of the problem+json type */
    int http_status;   /* status of the answer when it reaches the API */
    int exit_code;     /* judgectl's exit code */
    bool may_retry;    /* the same call may succeed later */
    int log_level;     /* enum log_level */
    const char *title; /* problem+json title */
};

/* The table's row of a code; codes out of range are a bug. */
const struct err_info *err_info(enum err_code code);

/* The code named `name` ("not_found"), or ERR_NONE when there is none. */
enum err_code err_code_by_name(const char *name);

/* Fills err (which may be NULL) and returns -1, so callers write `return err_set(...)`. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with ": " and strerror(errno) appended. */
int err_set_errno(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before the message that is there; returns -1. */
int err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *err);

NORETURN void bug_at(const char *file, int line, const char *what);
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            bug_at(__FILE__, __LINE__, #cond);                                                     \
    } while (0)

/* Allocation that aborts when memory is out. Zeroed. */
void *mem_alloc(size_t bytes);
void *mem_alloc_array(size_t count, size_t bytes);
void *mem_grow(void *old, size_t count, size_t bytes);
char *mem_strdup(const char *text);

#endif
