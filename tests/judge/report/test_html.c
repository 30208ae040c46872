/*
 * The HTML writer: nothing from outside can leave its text.
 */
#include "judge/report/html.h"
#include "tests/t.h"

static struct buf out;

static const char *escaped(const char *text)
{
    struct html h;
    buf_clear(&out);
    html_init(&h, &out);
    html_open(&h, "b");
    html_text(&h, text);
    html_close(&h);
    return out.data;
}

static void escapes(void)
{
    static const struct {
        int line;
        const char *text, *want;
    } cases[] = {
        {__LINE__, "plain", "<b>plain</b>"},
        {__LINE__, "<script>alert(1)</script>", "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>"},
        {__LINE__, "a & \"b\" 'c'", "<b>a &amp; &quot;b&quot; &#39;c&#39;</b>"},
        {__LINE__, "&lt;", "<b>&amp;lt;</b>"},
        {__LINE__, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82",
         "<b>\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82</b>"},
        /* controls, the mark that turns the writing round, and bytes that are no UTF-8 */
        {__LINE__,
         "a\x01"
         "b",
         "<b>a\xef\xbf\xbd"
         "b</b>"},
        {__LINE__, "a\x1b[31m", "<b>a\xef\xbf\xbd[31m</b>"},
        {__LINE__,
         "a\xe2\x80\xae"
         "b",
         "<b>a\xef\xbf\xbd"
         "b</b>"},
        {__LINE__,
         "a\xe2\x81\xa6"
         "b",
         "<b>a\xef\xbf\xbd"
         "b</b>"},
        {__LINE__, "a\xff", "<b>a\xef\xbf\xbd</b>"},
        {__LINE__, "a\xc0\xbc", "<b>a\xef\xbf\xbd\xef\xbf\xbd</b>"}, /* overlong < */
        {__LINE__, "a\xe0\x80\xbc", "<b>a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</b>"},
        {__LINE__, "a\xe2\x82", "<b>a\xef\xbf\xbd\xef\xbf\xbd</b>"},                 /* cut short */
        {__LINE__, "a\xed\xa0\x80", "<b>a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</b>"}, /* surrogate */
        {__LINE__, "a\nb\tc", "<b>a\nb\tc</b>"},
        {__LINE__, NULL, "<b></b>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (strcmp(escaped(cases[i].text), cases[i].want) != 0)
            t_fail(__FILE__, cases[i].line, "got %s", out.data);
}

static void attributes(void)
{
    struct html h;
    buf_clear(&out);
    html_init(&h, &out);
    html_open_class(&h, "a", "x\" onclick=\"y");
    html_attr(&h, "href", "/releases/a'b");
    html_attr(&h, "hidden", NULL);
    html_attr_number(&h, "x", 1.0 / 3);
    html_text(&h, "t");
    html_close(&h);
    T_EQ_STR(out.data, "<a class=\"x&quot; onclick=&quot;y\" href=\"/releases/a&#39;b\" hidden "
                       "x=\"0.33\">t</a>");
    T_CHECK(html_is_complete(&h));
}

static void nesting(void)
{
    struct html h;
    buf_clear(&out);
    html_init(&h, &out);
    html_open(&h, "p");
    html_open(&h, "br");
    html_close(&h);
    html_open(&h, "i");
    html_close(&h);
    T_CHECK(!html_is_complete(&h));
    html_close(&h);
    T_EQ_STR(out.data, "<p><br><i></i></p>\n");
    T_CHECK(html_is_complete(&h));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"escapes", escapes}, {"attributes", attributes}, {"nesting", nesting}};
    buf_init(&out, 65536);
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    buf_release(&out);
    return rc;
}
