#include "lib/base/gzip.h"

#include <string.h>
#include <zlib.h>

#include "tests/t.h"

/* One gzip member of the text. */
static size_t deflate_text(const char *text, size_t len, unsigned char *out, size_t room)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (unsigned)len};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_out = out;
    z.avail_out = (unsigned)room;
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return room - z.avail_out;
}

static void inflates_members(void)
{
    unsigned char packed[400];
    size_t n = deflate_text("one, ", 5, packed, sizeof(packed));
    n += deflate_text("two", 3, packed + n, sizeof(packed) - n);
    struct buf b;
    struct err err;
    buf_init(&b, 8); /* exactly as long as the text */
    T_EQ_INT(gzip_inflate(packed, n, &b, &err), 0);
    T_EQ_STR(b.data, "one, two");
    buf_release(&b);
    buf_init(&b, 7);
    T_EQ_INT(gzip_inflate(packed, n, &b, &err), -1);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    T_CHECK(b.len <= 7);
    buf_release(&b);
}

static void cuts_and_flips(void)
{
    unsigned char packed[400];
    const size_t n = deflate_text("samples, samples, samples", 25, packed, sizeof(packed));
    struct buf b;
    struct err err;
    buf_init(&b, 1000);
    for (size_t cut = 0; cut < n; cut++) {
        buf_clear(&b);
        T_EQ_INT(gzip_inflate(packed, cut, &b, &err), -1);
        T_EQ_INT(err.code, ERR_INPUT);
    }
    for (size_t at = 10; at < n; at++) { /* behind the header, where a flag may mean nothing */
        packed[at] ^= 0x10;
        buf_clear(&b);
        if (gzip_inflate(packed, n, &b, &err) == 0) /* a bit that pads the last byte */
            T_EQ_STR(b.data, "samples, samples, samples");
        packed[at] ^= 0x10;
    }
    buf_clear(&b);
    T_EQ_INT(gzip_inflate(packed, n, &b, &err), 0);
    buf_release(&b);
}

static void a_bomb_stops_at_the_ceiling(void)
{
    static char zeros[8 << 20];
    static unsigned char packed[64 << 10];
    const size_t n = deflate_text(zeros, sizeof(zeros), packed, sizeof(packed));
    struct buf b;
    struct err err;
    buf_init(&b, 1 << 20);
    T_EQ_INT(gzip_inflate(packed, n, &b, &err), -1);
    T_EQ_INT(err.code, ERR_TOO_LARGE);
    T_CHECK(b.cap <= (1 << 20) + 1);
    buf_release(&b);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"inflates members one after the other, to the ceiling", inflates_members},
        {"a cut is refused, a flipped bit changes nothing unseen", cuts_and_flips},
        {"a bomb stops at the ceiling", a_bomb_stops_at_the_ceiling},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
