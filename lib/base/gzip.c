#include "lib/base/gzip.h"

#include <stdint.h>
#include <zlib.h>

#define CHUNK_BYTES      ((size_t)64 << 10)
#define WINDOW_BITS_ZLIB 15        /* the largest window, with a zlib header */
#define WINDOW_BITS_GZIP (15 + 16) /* with a gzip header only */

/* Room for the next piece: none at the ceiling. */
static size_t room(struct buf *out, unsigned char **at)
{
    size_t left = out->max - out->len;
    size_t n = left < CHUNK_BYTES ? left : CHUNK_BYTES;
    *at = n ? (unsigned char *)buf_reserve(out, n) : NULL;
    return *at ? n : 0;
}

/* Inflates to the end of the input; `nothing` is a byte to write to at the ceiling. Z_STREAM_END,
 * or what went wrong. */
static int run(z_stream *z, unsigned char *nothing, struct buf *out)
{
    for (;;) {
        unsigned char *at;
        const size_t n = room(out, &at);
        z->next_out = n ? at : nothing; /* at the ceiling: may still be at its end */
        z->avail_out = n ? (unsigned)n : 1;
        const unsigned had = z->avail_out;
        const int rc = inflate(z, Z_NO_FLUSH);
        const size_t made = had - z->avail_out;
        if (n)
            buf_commit(out, made);
        else if (made)
            return Z_MEM_ERROR;
        if (rc == Z_STREAM_END) {
            if (z->avail_in == 0 || inflateReset(z) != Z_OK)
                return rc;
        } else if (rc != Z_OK) {
            return rc;
        }
    }
}

static int inflate_all(const void *bytes, size_t len, int window_bits, const char *name,
                       struct buf *out, struct err *err)
{
    unsigned char nothing;
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)bytes};
    if (len > UINT32_MAX)
        return err_set(err, ERR_TOO_LARGE, "a %s body of %zu bytes", name, len);
    z.avail_in = (unsigned)len;
    BUG_ON(inflateInit2(&z, window_bits) != Z_OK);
    const int rc = run(&z, &nothing, out);
    inflateEnd(&z);
    if (rc == Z_STREAM_END)
        return 0;
    if (rc == Z_MEM_ERROR)
        return err_set(err, ERR_TOO_LARGE, "the body inflates to more than %zu bytes", out->max);
    return err_set(err, ERR_INPUT, "the body is not %s, or cut short, or damaged", name);
}

int gzip_inflate(const void *bytes, size_t len, struct buf *out, struct err *err)
{
    return inflate_all(bytes, len, WINDOW_BITS_GZIP, "gzip", out, err);
}

int zlib_inflate(const void *bytes, size_t len, struct buf *out, struct err *err)
{
    return inflate_all(bytes, len, WINDOW_BITS_ZLIB, "zlib", out, err);
}
