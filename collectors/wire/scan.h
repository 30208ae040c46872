/*
 * The two things every scanner of this room does per sample: read a number, hash a few bytes.
 */
#ifndef COLLECTORS_WIRE_SCAN_H
#define COLLECTORS_WIRE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Reads a decimal number ("-12.5e-3"; no spaces, hex, inf or nan) that begins at p and stands
 * before end. Returns where it ends, or NULL when there is none or it does not fit a double.
 *
 * Up to 19 digits are gathered in an integer. Below 2^53 and with a power of ten up to 22 both are
 * exact doubles, so one multiplication or division rounds correctly (Clinger 1990); everything else
 * goes to scan_number_slow.
 */
const char *scan_number_slow(const char *p, const char *end, double *out);

static inline bool scan_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static inline const char *scan_number(const char *p, const char *end, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *start = p;
    bool is_negative = p < end && *p == '-';
    p += is_negative;
    uint64_t digits = 0;
    const char *first = p;
    for (; p < end && scan_is_digit(*p); p++)
        digits = digits * 10 + (uint64_t)(*p - '0');
    size_t n = (size_t)(p - first);
    size_t fraction = 0;
    if (p < end && *p == '.') {
        const char *point = ++p;
        for (; p < end && scan_is_digit(*p); p++)
            digits = digits * 10 + (uint64_t)(*p - '0');
        fraction = (size_t)(p - point);
        n += fraction;
        if (fraction == 0)
            return NULL;
    }
    if (n == fraction)
        return NULL; /* no digit before the point */
    if (n > 18 || digits >= UINT64_C(1) << 53 || (p < end && (*p | 0x20) == 'e'))
        return scan_number_slow(start, end, out);
    double v = fraction ? (double)digits / tens[fraction] : (double)digits;
    *out = is_negative ? -v : v;
    return p;
}

static inline uint64_t scan_read64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t scan_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Less than eight bytes, so that different ones of one length are different words. */
static inline uint64_t scan_read_few(const char *p, size_t n)
{
    if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, p, sizeof(first));
        memcpy(&last, p + n - 4, sizeof(last));
        return (uint64_t)first << 32 | last;
    }
    if (n == 0)
        return 0;
    return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
           (unsigned char)p[n - 1];
}

/*
 * A hash for tables in memory: folded 128-bit products of 16 bytes a step. `seed` is secret and
 * drawn at start, and in both factors: a sender who could make one of them zero would have as many
 * series that collide as he likes.
 */
static inline uint64_t scan_hash(const char *p, size_t n, uint64_t seed)
{
    uint64_t h = seed ^ n * UINT64_C(0x9e3779b97f4a7c15);
    seed ^= UINT64_C(0xd1b54a32d192ed03);
    if (n < 8)
        return scan_mix(scan_read_few(p, n) ^ seed, h);
    const char *end = p + n;
    for (; p + 16 < end; p += 16)
        h = scan_mix(scan_read64(p) ^ seed, scan_read64(p + 8) ^ h);
    if (n < 16)
        return scan_mix(scan_read64(p) ^ seed, scan_read64(end - 8) ^ h);
    return scan_mix(scan_read64(end - 16) ^ seed, scan_read64(end - 8) ^ h);
}

/* memcmp of names and tags; most are short, and a call would take longer than the comparison. */
static inline bool scan_equal(const char *a, const char *b, size_t n)
{
    if (n < 8)
        return scan_read_few(a, n) == scan_read_few(b, n);
    if (n > 64)
        return memcmp(a, b, n) == 0;
    uint64_t other = 0;
    for (size_t i = 0; i + 8 < n; i += 8)
        other |= scan_read64(a + i) ^ scan_read64(b + i);
    return (other | (scan_read64(a + n - 8) ^ scan_read64(b + n - 8))) == 0;
}

#endif
