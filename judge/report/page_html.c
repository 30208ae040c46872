/*
 * The report as one HTML file: nothing is loaded, nothing runs; it can be mailed, kept and printed.
 */
#include "judge/report/sections.h"

void report_html(const struct report_facts *f, struct buf *out)
{
    struct html h;
    char when[REPORT_TIME_BYTES];
    html_init(&h, out);
    html_doctype(&h);
    html_open(&h, "html");
    html_attr(&h, "lang", "en");
    html_open(&h, "head");
    html_open(&h, "meta");
    html_attr(&h, "charset", "utf-8");
    html_close(&h);
    html_open(&h, "meta");
    html_attr(&h, "name", "viewport");
    html_attr(&h, "content", "width=device-width, initial-scale=1");
    html_close(&h);
    html_open(&h, "meta");
    html_attr(&h, "http-equiv", "Content-Security-Policy");
    html_attr(&h, "content", "default-src 'none'; style-src 'unsafe-inline'");
    html_close(&h);
    html_open(&h, "title");
    html_textf(&h, "Release report: %s", f->release.id);
    html_close(&h);
    html_open(&h, "style");
    html_trusted(&h, report_css, report_css_len);
    html_close(&h);
    html_close(&h);
    html_open_class(&h, "body", "report");
    html_open(&h, "main");
    section_title(&h, f);
    section_banner(&h, f);
    section_trust(&h, f);
    section_evidence(&h, f);
    section_progress(&h, f);
    section_timeline(&h, f);
    section_log(&h, f);
    section_method(&h, f);
    html_close(&h);
    html_open(&h, "footer");
    html_textf(&h, "Release Judge \xc2\xb7 written %s", time_words(f->now, when));
    html_close(&h);
    html_close(&h);
    html_close(&h);
    BUG_ON(!html_is_complete(&h));
}
