#include "lib/aws/profiles.h"

#include "lib/aws/limits.h"
#include "lib/base/buf.h"
#include "tests/t.h"

#include <stdio.h>
#include <sys/stat.h>

static int add(struct profiles *p, enum profile_file file, const char *text, struct err *err)
{
    return profiles_add(p, file, text, strlen(text), err);
}

static void reads_both_files(void)
{
    struct profiles p;
    struct err err = {0};
    const struct profile *dev, *urls;
    profiles_init(&p);
    T_OK(add(&p, PROFILE_CONFIG,
             "# comment\n[default]\nregion=us-east-1\n\n; other\n[profile  dev ]\r\n"
             "Region = eu-west-1 \r\noutput=json\naws_access_key_id = FROMCONFIG\n"
             "s3 =\n  max_concurrent_requests = 20\nservices = mine\nregion = eu-west-2\n"
             "[services mine]\ncloudwatch =\n  endpoint_url = http://127.0.0.1:1/#x\n"
             "sts =\n  endpoint_url = http://127.0.0.1:2\n"
             "[sso-session s]\nsso_region = us-east-1\n[dev]\nregion = ap-south-1\n",
             &err),
         err);
    T_OK(add(&p, PROFILE_CREDENTIALS,
             "[dev]\naws_access_key_id=AK=1#2\naws_secret_access_key = a b\n[other]\n", &err),
         err);
    dev = profiles_find(&p, "profile", "dev");
    T_CHECK(dev && profiles_find(&p, "profile", "other") &&
            profiles_find(&p, "profile", "default"));
    T_EQ_STR(profile_get(dev, NULL, "region"), "eu-west-2"); /* the last one, spelled in any case */
    T_EQ_STR(profile_get(dev, NULL, "aws_access_key_id"), "AK=1#2");
    T_EQ_STR(profile_get_from(dev, PROFILE_CONFIG, "aws_access_key_id"), "FROMCONFIG");
    T_EQ_STR(profile_get(dev, NULL, "aws_secret_access_key"), "a b");
    T_EQ_STR(profile_get(dev, "s3", "max_concurrent_requests"), "20");
    T_CHECK(!profile_get(dev, NULL, "max_concurrent_requests"));
    T_CHECK(!profile_get(NULL, NULL, "region") && !profiles_find(&p, "profile", "s"));
    urls = profiles_find(&p, "services", profile_get(dev, NULL, "services"));
    T_EQ_STR(profile_get(urls, "cloudwatch", "endpoint_url"), "http://127.0.0.1:1/#x");
    T_EQ_STR(profile_get(urls, "sts", "endpoint_url"), "http://127.0.0.1:2");
    profiles_release(&p);
}

/* The AWS CLI writes names with spaces so. */
static void reads_quoted_names(void)
{
    struct profiles p;
    struct err err = {0};
    profiles_init(&p);
    T_OK(add(&p, PROFILE_CONFIG,
             "[profile 'my hub']\nregion = eu-west-1\n[profile \"x\"]\nregion = eu-west-2\n"
             "[profile o'neill]\n[profile ']\n",
             &err),
         err);
    T_EQ_STR(profile_get(profiles_find(&p, "profile", "my hub"), NULL, "region"), "eu-west-1");
    T_EQ_STR(profile_get(profiles_find(&p, "profile", "x"), NULL, "region"), "eu-west-2");
    T_CHECK(profiles_find(&p, "profile", "o'neill") && profiles_find(&p, "profile", "'"));
    profiles_release(&p);
}

static void names_the_line_of_a_fault(void)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"region = x\n", "line 1: a setting before the first [section]"},
        {"[default]\n\nnonsense\n", "line 3: a setting is written name = value"},
        {"[default\n", "line 1: a section is written [name]"},
        {"[default]\n= x\n", "line 2: a setting is written name = value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct profiles p;
        struct err err = {0};
        profiles_init(&p);
        T_EQ_INT(add(&p, PROFILE_CONFIG, bad[i].text, &err), -1);
        T_EQ_INT(err.code, ERR_INPUT);
        T_HAS_STR(err.message, bad[i].why);
        profiles_release(&p);
    }
}

static void has_limits(void)
{
    struct profiles p;
    struct err err = {0};
    struct buf text;
    profiles_init(&p);
    buf_init(&text, 2 << 20);
    buf_add_str(&text, "[default]\n");
    for (int i = 0; i <= AWS_FILE_SETTINGS_MAX; i++)
        buf_addf(&text, "s%d = 1\n", i);
    T_EQ_INT(add(&p, PROFILE_CONFIG, text.data, &err), -1);
    T_HAS_STR(err.message, "more than 200 settings");
    profiles_release(&p);
    profiles_init(&p);
    buf_clear(&text);
    for (int i = 0; i <= AWS_FILE_PROFILES_MAX; i++)
        buf_addf(&text, "[p%d]\n", i);
    T_EQ_INT(add(&p, PROFILE_CREDENTIALS, text.data, &err), -1);
    T_HAS_STR(err.message, "more than 1000 sections");
    profiles_release(&p);
    profiles_init(&p);
    T_EQ_INT(profiles_add(&p, PROFILE_CONFIG, "[a\0b]", 5, &err), -1);
    profiles_release(&p);
    buf_release(&text);
}

static void a_file_may_be_missing(void)
{
    struct profiles p;
    struct err err = {0};
    char path[512];
    profiles_init(&p);
    snprintf(path, sizeof(path), "%s/none/config", t_tmpdir());
    T_OK(profiles_add_file(&p, PROFILE_CONFIG, path, &err), err);
    T_CHECK(!p.first);
    T_EQ_INT(profiles_add_file(&p, PROFILE_CONFIG, t_tmpdir(), &err), -1); /* a folder */
    T_HAS_STR(err.message, t_tmpdir());
    profiles_release(&p);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads_both_files", reads_both_files},
        {"reads_quoted_names", reads_quoted_names},
        {"names_the_line_of_a_fault", names_the_line_of_a_fault},
        {"has_limits", has_limits},
        {"a_file_may_be_missing", a_file_may_be_missing},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
