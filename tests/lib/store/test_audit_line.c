#include "lib/store/audit_line.h"

#include "tests/t.h"

#include <stdio.h>
#include <string.h>

static struct secret seed;
static const struct audit_head head = {
    .n = 17, .hash = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"};
static const struct wall at = {1795400000000000};

static void a_head_is_read_back(void)
{
    static const char *const trails[] = {"", "checkout-42"};
    for (size_t i = 0; i < ARRAY_LEN(trails); i++) {
        struct err err = {0};
        char line[AUDIT_LINE_BYTES], logged[AUDIT_LINE_BYTES + 64];
        struct audit_line got;
        T_OK(audit_line_sign(&seed, trails[i], &head, at, line, &err), err);
        snprintf(logged, sizeof(logged), "2026-11-28T21:00:00Z info audit %s\r\n", line);
        T_EQ_INT(audit_line_read(logged, &got, &err), 1);
        T_EQ_STR(got.release, trails[i]);
        T_EQ_INT(got.head.n, 17);
        T_EQ_STR(got.head.hash, head.hash);
        T_EQ_INT(audit_line_read(strstr(line, "trail"), &got, &err), 0);
    }
}

/* No byte of what was said can be another, and no part can be missing. */
static void a_changed_one_is_found(void)
{
    struct err err = {0};
    char line[AUDIT_LINE_BYTES], changed[AUDIT_LINE_BYTES];
    struct audit_line got;
    T_OK(audit_line_sign(&seed, "checkout-42", &head, at, line, &err), err);
    const size_t from = strlen("audit head trail="), len = strlen(line);
    for (size_t i = from; i < len; i++) {
        memcpy(changed, line, len + 1);
        changed[i] = changed[i] == '5' ? '6' : '5';
        if (audit_line_read(changed, &got, &err) != -1)
            t_fail(__FILE__, __LINE__, "byte %zu: %s", i, changed);
    }
    for (size_t i = from; i < len; i++) {
        memcpy(changed, line, i);
        changed[i] = '\0';
        T_EQ_INT(audit_line_read(changed, &got, &err), -1);
        T_EQ_INT(err.code, ERR_CORRUPT);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a head is read back", a_head_is_read_back},
        {"a changed one is found", a_changed_one_is_found},
    };
    secret_init(&seed);
    sign_make(&seed);
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    secret_release(&seed);
    return rc;
}
