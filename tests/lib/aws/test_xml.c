#include "lib/aws/xml.h"

#include "lib/aws/limits.h"
#include "tests/t.h"

static struct xml *read_text(struct arena *a, const char *text, struct err *err)
{
    return xml_read(a, text, strlen(text), err);
}

static void reads_a_reply(void)
{
    struct arena a;
    struct err err = {0};
    const struct xml *root, *m;
    int n = 0;
    arena_init(&a);
    root =
        read_text(&a,
                  "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- c --><a:R xmlns:a=\"u\" k='v'>\n"
                  " <List>\n<member><Name>one</Name></member>\n<member><Name>t&lt;w&#x6f;</Name>"
                  "</member></List><Empty/><Data><![CDATA[<raw>]]> x</Data></a:R>",
                  &err);
    T_CHECK(root != NULL);
    T_EQ_STR(root->name, "R");
    for (m = xml_find(xml_get(root, "List")->first, "member"); m; m = xml_find(m->next, "member"))
        n++;
    T_EQ_INT(n, 2);
    T_EQ_STR(xml_get_text(root, "List/member/Name"), "one");
    m = xml_get(root, "List")->first->next;
    T_EQ_STR(xml_get_text(m, "Name"), "t<wo");
    T_EQ_STR(xml_get_text(root, "Empty"), "");
    T_EQ_STR(xml_get_text(root, "Data"), "<raw> x");
    T_CHECK(!xml_get(root, "List/member/Nam") && !xml_get(root, "Lis") && !xml_get(NULL, "x"));
    T_CHECK(xml_get(root, "") == root);
    arena_release(&a);
}

static void refuses_what_is_too_much(void)
{
    struct arena a;
    struct err err = {0};
    struct buf text;
    arena_init(&a);
    buf_init(&text, 4 << 20);
    for (int i = 0; i < AWS_XML_DEPTH_MAX; i++)
        buf_add_str(&text, "<a>");
    for (int i = 0; i < AWS_XML_DEPTH_MAX; i++)
        buf_add_str(&text, "</a>");
    T_CHECK(xml_read(&a, text.data, text.len, &err) != NULL);
    buf_clear(&text);
    for (int i = 0; i <= AWS_XML_DEPTH_MAX; i++)
        buf_add_str(&text, "<a>");
    T_CHECK(!xml_read(&a, text.data, text.len, &err));
    T_HAS_STR(err.message, "nested too deep");
    buf_clear(&text);
    buf_add_str(&text, "<r>");
    for (int i = 0; i < AWS_XML_ELEMENTS_MAX; i++)
        buf_add_str(&text, "<a/>");
    T_CHECK(!xml_read(&a, text.data, text.len, &err));
    T_HAS_STR(err.message, "too many elements");
    buf_release(&text);
    arena_release(&a);
}

static void refuses_what_is_no_reply(void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "no element"},
        {"<a>", "line 1"},
        {"<a></b>", "mismatched"},
        {"<a/><b/>", "junk"},
        {"<html><br></html>", "mismatched"},
        {"<!DOCTYPE r [<!ENTITY x \"y\">]><r>&x;</r>", "a DTD"},
        {"<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>", "a DTD"},
        {"<r>&x;</r>", "undefined entity"},
        {"<r>\xff</r>", "line 1"},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        T_CHECK(!read_text(&a, bad[i].text, &err));
        T_EQ_INT(err.code, ERR_INPUT);
        T_HAS_STR(err.message, bad[i].why);
    }
    arena_release(&a);
}

static void escapes_text(void)
{
    struct buf out;
    buf_init(&out, 100);
    xml_add_text(&out, "a<b>&\"'\r\xc3\xa9", 10);
    T_EQ_STR(out.data, "a&lt;b&gt;&amp;&quot;&apos;&#13;\xc3\xa9");
    buf_release(&out);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads_a_reply", reads_a_reply},
        {"refuses_what_is_too_much", refuses_what_is_too_much},
        {"refuses_what_is_no_reply", refuses_what_is_no_reply},
        {"escapes_text", escapes_text},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
