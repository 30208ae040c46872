/*
 * Forms and cookies.
 */
#include "judge/web/form.h"

#include "lib/base/err.h"
#include "tests/t.h"

static void fields(void)
{
    static const struct {
        int line;
        const char *body, *want; /* NULL: refused or not there */
    } cases[] = {
        {__LINE__, "token=abc", "abc"},
        {__LINE__, "next=%2F&token=jt_a-b_c&x=", "jt_a-b_c"},
        {__LINE__, "token=a+b%20c%2bd", "a b c+d"},
        {__LINE__, "token=%C3%A4", "\xc3\xa4"},
        {__LINE__, "token=", ""},
        {__LINE__, "token=first&token=second", "first"},
        {__LINE__, "xtoken=a&tokenx=b", NULL},
        {__LINE__, "token", NULL},
        {__LINE__, "", NULL},
        {__LINE__, "token=%", NULL},
        {__LINE__, "token=%4", NULL},
        {__LINE__, "token=%zz", NULL},
        {__LINE__, "token=a%00b", NULL},
        {__LINE__, "token=1234567890123456", NULL}, /* one too long for the room */
        {__LINE__, "token=123456789012345", "123456789012345"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[16];
        const bool is_there =
            form_field(cases[i].body, strlen(cases[i].body), "token", out, sizeof(out));
        if (is_there != (cases[i].want != NULL) || strcmp(out, is_there ? cases[i].want : "") != 0)
            t_fail(__FILE__, cases[i].line, "got %d \"%s\"", is_there, out);
    }
}

static void cookies(void)
{
    static const struct {
        int line;
        const char *header, *want;
    } cases[] = {
        {__LINE__, "s=abc", "abc"},
        {__LINE__, "a=1; s=abc; b=2", "abc"},
        {__LINE__, "a=s=1;s=abc", "abc"},
        {__LINE__, "s=", ""},
        {__LINE__, "xs=abc; ss=1", NULL},
        {__LINE__, "s", NULL},
        {__LINE__, "", NULL},
        {__LINE__, NULL, NULL},
        {__LINE__, ";;; ; s=x;", "x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = 0;
        const char *value = form_cookie(cases[i].header, "s", &len);
        const bool is_right = cases[i].want ? value && len == strlen(cases[i].want) &&
                                                  memcmp(value, cases[i].want, len) == 0
                                            : !value;
        if (!is_right)
            t_fail(__FILE__, cases[i].line, "got \"%.*s\"", (int)len, value ? value : "(none)");
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {{"fields", fields}, {"cookies", cookies}};
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
