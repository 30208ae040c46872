/* What CloudWatch writes when an alarm changes, and what several changes say of blocks. */
#include "collectors/cloudwatch/alarm_notice.h"

#include <stdio.h>

#include "tests/t.h"

#define ARN "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"
#define NOTICE                                                                                     \
    "{\"AlarmName\":\"checkout: "                                                                  \
    "5xx\",\"AlarmDescription\":null,\"AWSAccountId\":\"123456789012\","                           \
    "\"NewStateValue\":\"ALARM\",\"NewStateReason\":\"Threshold Crossed\","                        \
    "\"StateChangeTime\":\"2026-11-23T10:15:00.250+0000\",\"Region\":\"EU (Ireland)\","            \
    "\"AlarmArn\":\"" ARN "checkout: 5xx\",\"OldStateValue\":\"OK\",\"Trigger\":{\"Period\":60}}"

static struct arena arena;

static void a_notice(void)
{
    struct alarm_notice n;
    struct err err;
    T_OK(alarm_notice_read(&n, NOTICE, &arena, &err), err);
    T_EQ_STR(n.name, "checkout: 5xx");
    T_EQ_STR(n.arn, ARN "checkout: 5xx");
    T_EQ_STR(n.state, "ALARM");
    T_EQ_INT(n.into.state, ALARM_ALARM);
    T_EQ_INT(n.into.at.us, 1795428900250000);
}

/* Each replaces a part of a good one. */
static void other_texts(void)
{
    static const struct {
        int line;
        const char *from, *to, *part; /* part NULL: it is taken */
    } cases[] = {
        {__LINE__, "+0000", "Z", NULL},
        {__LINE__, "+0000", "+00:00", NULL},
        {__LINE__, ".250+0000", "+0000", NULL},
        {__LINE__, "\"ALARM\"", "\"OK\"", NULL},
        {__LINE__, "\"ALARM\"", "\"INSUFFICIENT_DATA\"", NULL},
        {__LINE__, "\"Trigger\"", "\"AlarmRule\"", NULL},
        {__LINE__, "\"ALARM\"", "\"ALERT\"", "NewStateValue"},
        {__LINE__, "\"ALARM\"", "1", "NewStateValue"},
        {__LINE__, "\"AlarmArn\"", "\"Arn\"", "AlarmArn"},
        {__LINE__, "\"AlarmName\"", "\"Name\"", "AlarmName"},
        {__LINE__, "StateChangeTime", "Time", "StateChangeTime"},
        {__LINE__, "2026-11-23T10:15:00.250+0000", "", "StateChangeTime"},
        {__LINE__, "2026-11-23T10:15:00.250+0000", "+0000", "StateChangeTime"},
        {__LINE__, "2026-11-23", "2026-11-32", "StateChangeTime"},
        {__LINE__, "2026-11-23", "1926-11-23", "StateChangeTime"},
        {__LINE__, ":alarm:checkout", ":alarm:shop", "AlarmArn"},
        {__LINE__, "arn:aws:cloudwatch", "arn:aws:sns", "AlarmArn"},
        {__LINE__, "\"OldStateValue\"", "\"AlarmArn\"", "JSON object"}, /* twice */
        {__LINE__, "{\"AlarmName\"", "[{\"AlarmName\"", "JSON object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct alarm_notice n;
        struct err err = {0};
        const char *at = strstr(NOTICE, cases[i].from);
        T_CHECK(at != NULL);
        const char *text = arena_printf(&arena, "%.*s%s%s", (int)(at - NOTICE), NOTICE, cases[i].to,
                                        at + strlen(cases[i].from));
        const int rc = alarm_notice_read(&n, text, &arena, &err);
        if (cases[i].part ? rc == 0 || !strstr(err.message, cases[i].part) : rc != 0)
            t_fail(__FILE__, cases[i].line, "rc %d: %s", rc, err.message);
    }
    struct alarm_notice n;
    struct err err;
    T_CHECK(alarm_notice_read(&n, "", &arena, &err) != 0);
    T_CHECK(alarm_notice_read(&n, "good morning", &arena, &err) != 0);
}

static void names_of_alarms(void)
{
    T_EQ_STR(alarm_arn_name(ARN "a:b"), "a:b");
    T_EQ_STR(alarm_arn_name("arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:a"), "a");
    static const char *const wrong[] = {
        "",
        "a",
        ARN,
        "arn:aws:cloudwatch:eu-west-1:123456789012:alarms:a",
        "arn:aws:cloudwatch:eu-west-1:123456789012:alar:a",
        "arn:aws:cloudwatch:eu-west-1:12345678901:alarm:a",
        "arn:aws:cloudwatch:EU:123456789012:alarm:a",
        "arn:aws:cloudwatch::123456789012:alarm:a",
        "arn:gcp:cloudwatch:eu-west-1:123456789012:alarm:a",
        "arn:aws:cloudwatch:eu-west-1:123456789012",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (alarm_arn_name(wrong[i]))
            t_fail(__FILE__, __LINE__, "%s is taken", wrong[i]);
}

static char blocks[8];

static void give(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    blocks[block] = s->counts.events > 0 ? '+' : '-';
}

/* Blocks 0 to 5 of ten microseconds; '+' in alarm, '-' not, '.' unknown. */
static void changes_become_blocks(void)
{
    static const struct {
        int line;
        size_t n;
        struct alarm_change changes[3];
        const char *blocks;
    } cases[] = {
        {__LINE__, 0, {{0}}, "......"},
        {__LINE__, 1, {{ALARM_OK, {-5}}}, "------"},
        {__LINE__, 1, {{ALARM_OK, {10}}}, ".-----"},
        {__LINE__, 1, {{ALARM_OK, {11}}}, "..----"},
        {__LINE__, 1, {{ALARM_ALARM, {11}}}, ".+++++"},
        {__LINE__, 2, {{ALARM_ALARM, {-5}}, {ALARM_OK, {20}}}, "++----"},
        {__LINE__, 2, {{ALARM_ALARM, {-5}}, {ALARM_OK, {21}}}, "+++---"},
        {__LINE__, 3, {{ALARM_OK, {0}}, {ALARM_ALARM, {22}}, {ALARM_OK, {27}}}, "--+---"},
        {__LINE__, 3, {{ALARM_OK, {0}}, {ALARM_INSUFFICIENT, {22}}, {ALARM_OK, {35}}}, "--..--"},
        {__LINE__, 2, {{ALARM_OK, {0}}, {ALARM_INSUFFICIENT, {40}}}, "----.."},
    };
    const struct alarm_want want = {.block_us = 10, .from = 0, .to = 5};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memcpy(blocks, "......", 7);
        alarm_blocks(cases[i].changes, cases[i].n, &want, give);
        if (strcmp(blocks, cases[i].blocks) != 0)
            t_fail(__FILE__, cases[i].line, "%s, want %s", blocks, cases[i].blocks);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a_notice", a_notice},
        {"other_texts", other_texts},
        {"names_of_alarms", names_of_alarms},
        {"changes_become_blocks", changes_become_blocks},
    };
    arena_init(&arena);
    int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
