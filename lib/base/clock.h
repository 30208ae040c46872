/*
 * Time, in two types that cannot be mixed: `struct mono` for deadlines and leases (never jumps),
 * `struct wall` for what happened when (microseconds since 1970 UTC). Pure code takes its `now` as
 * an argument; only daemon and tool code calls mono_now() and wall_now().
 */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mono {
    int64_t us;
};
struct wall {
    int64_t us;
};

#define US_PER_SECOND   INT64_C(1000000)
#define US_PER_MS       INT64_C(1000)
#define WALL_TEXT_BYTES 32

struct mono mono_now(void);
struct wall wall_now(void);

static inline struct mono mono_add_ms(struct mono t, int64_t ms)
{
    return (struct mono){t.us + ms * US_PER_MS};
}
static inline struct wall wall_add_ms(struct wall t, int64_t ms)
{
    return (struct wall){t.us + ms * US_PER_MS};
}
static inline int64_t mono_until_ms(struct mono now, struct mono then)
{
    return (then.us - now.us) / US_PER_MS;
}
static inline bool mono_passed(struct mono now, struct mono deadline)
{
    return now.us >= deadline.us;
}
static inline double wall_seconds(struct wall t)
{
    return (double)t.us / 1e6;
}

/* "2026-11-23T10:15:00Z", with ".250" (or six digits) only when the fraction is not zero. */
const char *wall_format(struct wall t, char out[WALL_TEXT_BYTES]);

/* RFC 3339 in UTC or with an offset. 0, or -1 when it is not one. */
int wall_parse(const char *text, struct wall *out);

/* "500ms", "30s", "5m", "2h", "1d", "1h30m" -> microseconds, >= 0. 0, or -1 when it is not one. */
int duration_parse(const char *text, int64_t *out_us);

/* The shortest text that duration_parse reads back: 90000000 -> "1m30s". */
const char *duration_format(int64_t us, char out[WALL_TEXT_BYTES]);

/* A duration for people: "about 6 min" style without the "about": "6 min", "40 s", "1.5 h". */
const char *duration_words(double seconds, char out[WALL_TEXT_BYTES]);

#endif
