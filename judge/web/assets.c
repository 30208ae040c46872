/*
 * Style, script and icon, as the bytes of their files. Asked for again at each load, answered 304
 * while they are the same: a new version of the service is seen at once.
 */
#include <string.h>

#include "judge/report/report.h"
#include "judge/web/web.h"
#include "lib/crypto/digest.h"

#define ASSET(name, file)                                                                          \
    __asm__(".pushsection .rodata, \"a\"\n"                                                        \
            ".global " #name "\n" #name ":\n"                                                      \
            ".incbin \"judge/web/" file "\"\n" #name "_end:\n"                                     \
            ".byte 0\n"                                                                            \
            ".global " #name "_end\n"                                                              \
            ".popsection\n");                                                                      \
    extern const char name[], name##_end[]

ASSET(web_page_css, "page.css");
ASSET(web_page_js, "page.js");
ASSET(web_icon_svg, "icon.svg");

static enum http_next send_asset(struct http_exchange *ex, const char *type)
{
    struct buf *out = http_out(ex);
    char hex[DIGEST_HEX_BYTES];
    const char *etag =
        arena_printf(http_arena(ex), "\"%.16s\"", digest_sha256_hex(out->data, out->len, hex));
    http_set_header(ex, "ETag", etag);
    http_set_header(ex, "Cache-Control", "no-cache");
    http_set_header(ex, "X-Content-Type-Options", "nosniff");
    if (http_etag_matches(ex, etag)) {
        buf_clear(out);
        return http_reply(ex, 304, NULL);
    }
    return http_reply(ex, 200, type);
}

static void add(struct http_exchange *ex, const char *from, const char *end)
{
    buf_add(http_out(ex), from, (size_t)(end - from));
}

enum http_next asset_css(struct http_exchange *ex)
{
    add(ex, report_css, report_css + report_css_len);
    add(ex, web_page_css, web_page_css_end);
    return send_asset(ex, "text/css; charset=utf-8");
}

enum http_next asset_js(struct http_exchange *ex)
{
    add(ex, web_page_js, web_page_js_end);
    return send_asset(ex, "text/javascript; charset=utf-8");
}

enum http_next asset_icon(struct http_exchange *ex)
{
    add(ex, web_icon_svg, web_icon_svg_end);
    return send_asset(ex, "image/svg+xml");
}
