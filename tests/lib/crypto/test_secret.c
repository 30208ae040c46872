#include "lib/crypto/secret.h"

#include "tests/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[300];

static void write_file(const char *text, size_t len, mode_t mode)
{
    FILE *f;
    snprintf(path, sizeof(path), "%s/secret", t_tmpdir());
    unlink(path);
    f = fopen(path, "w");
    if (!f || fwrite(text, 1, len, f) != len)
        abort();
    fclose(f);
    chmod(path, mode);
}

static void reads_its_file(void)
{
    struct err err = {0};
    struct secret s;
    secret_init(&s);
    T_CHECK(!secret_is_set(&s));
    T_EQ_STR(secret_bytes(&s), "");
    write_file("hush\n", 5, 0600);
    T_OK(secret_load_file(&s, path, &err), err);
    T_EQ_STR(secret_bytes(&s), "hush");
    T_EQ_INT(s.len, 4);
    T_CHECK(secret_equals(&s, "hush", 4));
    T_CHECK(!secret_equals(&s, "husH", 4));
    write_file("hush\r\n", 6, 0400);
    T_OK(secret_load_file(&s, path, &err), err);
    T_EQ_INT(s.len, 4);
    secret_release(&s);
    T_CHECK(!secret_is_set(&s));
}

static void refuses_open_or_odd_files(void)
{
    static char big[SECRET_MAX + 10];
    struct err err = {0};
    struct secret s;
    secret_init(&s);
    secret_set(&s, "before", 6);
    write_file("hush", 4, 0640);
    T_CHECK(secret_load_file(&s, path, &err) < 0);
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    T_HAS_STR(err.message, "mode 0640");
    T_CHECK(!strstr(err.message, "hush"));
    write_file("hush", 4, 0602);
    T_CHECK(secret_load_file(&s, path, &err) < 0);
    T_EQ_INT(err.code, ERR_FORBIDDEN);
    write_file("\n", 1, 0600);
    T_CHECK(secret_load_file(&s, path, &err) < 0);
    T_EQ_INT(err.code, ERR_INPUT);
    memset(big, 'x', sizeof(big));
    write_file(big, SECRET_MAX + 1, 0600);
    T_CHECK(secret_load_file(&s, path, &err) < 0);
    T_EQ_INT(err.code, ERR_INPUT);
    write_file(big, SECRET_MAX, 0600);
    T_CHECK(secret_load_file(&s, "/nonexistent/secret", &err) < 0);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    T_CHECK(secret_load_file(&s, t_tmpdir(), &err) < 0);
    T_EQ_INT(err.code, ERR_INPUT);
    T_EQ_STR(secret_bytes(&s), "before"); /* a failure changes nothing */
    T_OK(secret_load_file(&s, path, &err), err);
    T_EQ_INT(s.len, SECRET_MAX);
    secret_release(&s);
}

static void saves_with_mode_0600(void)
{
    struct err err = {0};
    struct secret s, back;
    struct stat st;
    secret_init(&s);
    secret_init(&back);
    write_file("old", 3, 0644);
    secret_set(&s, "new secret", 10);
    T_OK(secret_save_file(&s, path, &err), err);
    T_CHECK(stat(path, &st) == 0);
    T_EQ_INT(st.st_mode & 07777, 0600);
    T_OK(secret_load_file(&back, path, &err), err);
    T_EQ_STR(secret_bytes(&back), "new secret");
    T_CHECK(secret_save_file(&s, "/nonexistent/x", &err) < 0);
    secret_release(&s);
    secret_release(&back);
}

static void reads_the_environment(void)
{
    struct err err = {0};
    struct secret s;
    secret_init(&s);
    setenv("JUDGE_TEST_SECRET", "from env", 1);
    T_OK(secret_load_env(&s, "JUDGE_TEST_SECRET", &err), err);
    T_EQ_STR(secret_bytes(&s), "from env");
    unsetenv("JUDGE_TEST_SECRET");
    T_CHECK(secret_load_env(&s, "JUDGE_TEST_SECRET", &err) < 0);
    T_EQ_INT(err.code, ERR_NOT_FOUND);
    secret_release(&s);
}

static void wipes(void)
{
    char bytes[8] = "secret!";
    static const char zero[8];
    secret_wipe(bytes, sizeof(bytes));
    T_CHECK(memcmp(bytes, zero, sizeof(bytes)) == 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads_its_file", reads_its_file},
        {"refuses_open_or_odd_files", refuses_open_or_odd_files},
        {"saves_with_mode_0600", saves_with_mode_0600},
        {"reads_the_environment", reads_the_environment},
        {"wipes", wipes},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
