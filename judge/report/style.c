/*
 * The style sheet, as the bytes of report.css.
 */
#include "judge/report/report.h"

#include <assert.h>

__asm__(".pushsection .rodata, \"a\"\n"
        ".global report_css\n"
        "report_css:\n"
        ".incbin \"judge/report/report.css\"\n"
        "report_css_end:\n"
        ".byte 0\n"
        ".balign 8\n"
        ".global report_css_len\n"
        "report_css_len:\n"
        ".quad report_css_end - report_css\n"
        ".popsection\n");

static_assert(sizeof(size_t) == 8, "report_css_len is a .quad");
