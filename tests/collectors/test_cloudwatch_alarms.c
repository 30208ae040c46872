/*
 * Alarms of CloudWatch: how they are packed into calls, and what a reply says of blocks.
 */
#include "collectors/cloudwatch/alarms.h"
#include "collectors/cloudwatch/limits.h"
#include "lib/base/node.h"
#include "tests/t.h"

#include <stdio.h>

#define MINUTE (60 * US_PER_SECOND)

struct seen {
    double events;
    int times;
};
static struct seen seen[2][8];

static void give(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    seen[cohort][block].events = s->counts.events;
    seen[cohort][block].times++;
}

static struct alarm_want alarm_want_of(const struct alarm_config *c, int64_t from, int64_t to)
{
    return (struct alarm_want){.config = c, .block_us = MINUTE, .from = from, .to = to};
}

static void alarms_are_packed(void)
{
    static char names[120][24];
    static struct alarm_config configs[120];
    static struct alarm_want wants[241];
    for (int i = 0; i < 120; i++) {
        snprintf(names[i], sizeof(names[i]), "alarm-%d", i);
        configs[i] = (struct alarm_config){.region = "eu-west-1", .name = names[i]};
        wants[i] = wants[120 + i] = alarm_want_of(&configs[i], 0, 1);
    }
    struct alarm_config other = {.region = "us-east-1", .name = "alarm-1"};
    wants[240] = alarm_want_of(&other, 0, 0);
    struct alarm_call *c = alarm_calls_plan(wants, 241);
    T_EQ_INT(c->n_alarms, 100);
    T_EQ_INT(c->n_wants, 200); /* two releases watch each */
    T_EQ_INT(c->next->n_alarms, 20);
    T_EQ_INT(c->next->next->n_alarms, 1);
    T_EQ_STR(c->next->next->region, "us-east-1");
    T_CHECK(!c->next->next->next);
    struct arena a;
    struct buf body;
    struct err err;
    arena_init(&a);
    buf_init(&body, 100000);
    alarm_call_request(c, "more", &body);
    const struct node *n = node_read_json(&a, body.data, body.len, &err);
    T_CHECK(n != NULL);
    T_EQ_INT(node_get(n, "AlarmNames")->len, 100);
    T_EQ_INT(node_get(n, "AlarmTypes")->len, 2); /* or composite alarms are not told */
    T_EQ_STR(node_get_string(n, "NextToken"), "more");
    buf_release(&body);
    arena_release(&a);
    while (c) {
        struct alarm_call *next = c->next;
        alarm_call_free(c);
        c = next;
    }
}

/* What blocks 0 to 3 (minutes) of the alarm `a` are by AWS' reply and what was told beside: '+' in
 * alarm, '-' not, '.' unknown. */
static void read_blocks(const char *json, const struct alarm_change *told, size_t n_told,
                        char got[5])
{
    struct alarm_config config = {.name = "a"};
    struct alarm_want want = alarm_want_of(&config, 0, 3);
    struct alarm_call *c = alarm_calls_plan(&want, 1);
    const char *token;
    struct err err;
    memcpy(got, "....", 5);
    memset(seen, 0, sizeof(seen));
    T_OK(alarm_call_take(c, json, strlen(json), &token, &err), err);
    T_CHECK(token == NULL);
    c->alarms[0].told = told;
    c->alarms[0].n_told = n_told;
    T_OK(alarm_call_blocks(c, &c->wants[0], give, &err), err);
    for (int b = 0; b < 4; b++) {
        T_EQ_INT(seen[0][b].times, 0); /* the candidate's side only */
        if (seen[1][b].times)
            got[b] = seen[1][b].events > 0 ? '+' : '-';
    }
    alarm_call_free(c);
}

/* The state holds since 1:30. */
static void alarm_states(void)
{
    static const struct {
        const char *state, *blocks;
    } rows[] = {
        {"ALARM", ".+++"},             /* the block in which it began, too */
        {"OK", "..--"},                /* but it is OK only in whole blocks */
        {"INSUFFICIENT_DATA", "...."}, /* no data */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char json[400], got[5];
        snprintf(json, sizeof(json),
                 "{\"MetricAlarms\":[{\"AlarmName\":\"b\",\"StateValue\":\"ALARM\","
                 "\"StateUpdatedTimestamp\":0}],\"CompositeAlarms\":[{\"AlarmName\":\"a\","
                 "\"StateValue\":\"%s\",\"StateUpdatedTimestamp\":200,"
                 "\"StateTransitionedTimestamp\":90.5}]}",
                 rows[i].state);
        read_blocks(json, NULL, 0, got);
        T_EQ_STR(got, rows[i].blocks);
    }
}

/* What notifications told beside the last change that AWS tells; OK since 3:00. */
static void what_was_told_beside(void)
{
    static const struct {
        int line;
        struct alarm_change told[2];
        size_t n_told;
        const char *blocks;
    } rows[] = {
        {__LINE__, {{0}}, 0, "...-"},
        {__LINE__, {{ALARM_OK, {0}}}, 1, "----"},
        {__LINE__, {{ALARM_OK, {0}}, {ALARM_ALARM, {MINUTE + 1}}}, 2, "-++-"},
        {__LINE__, {{ALARM_ALARM, {2 * MINUTE}}, {ALARM_OK, {3 * MINUTE}}}, 2, "..+-"},
        {__LINE__, {{ALARM_ALARM, {3 * MINUTE}}}, 1, "...-"}, /* of one moment AWS knows better */
        {__LINE__, {{ALARM_ALARM, {3 * MINUTE + 1}}}, 1, "...+"}, /* it was asked too early */
        {__LINE__, {{ALARM_ALARM, {4 * MINUTE}}}, 1, "...-"},
    };
    static const char json[] =
        "{\"MetricAlarms\":[{\"AlarmName\":\"a\",\"AlarmArn\":\"arn:a\",\"StateValue\":\"OK\","
        "\"StateTransitionedTimestamp\":180}],\"CompositeAlarms\":[]}";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char got[5];
        read_blocks(json, rows[i].told, rows[i].n_told, got);
        if (strcmp(got, rows[i].blocks) != 0)
            t_fail(__FILE__, rows[i].line, "%s, want %s", got, rows[i].blocks);
    }
}

static void alarms_that_are_not_there(void)
{
    static const char *const replies[] = {
        "{\"MetricAlarms\":[],\"CompositeAlarms\":[]}",
        "{\"MetricAlarms\":[{\"AlarmName\":\"a\",\"StateValue\":\"NEW\","
        "\"StateUpdatedTimestamp\":0}]}",
        "{\"MetricAlarms\":[{\"AlarmName\":\"a\",\"StateValue\":\"OK\"}]}",
    };
    struct alarm_config config = {.name = "a"};
    struct alarm_want want = alarm_want_of(&config, 0, 3);
    const char *token;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        struct alarm_call *c = alarm_calls_plan(&want, 1);
        T_OK(alarm_call_take(c, replies[i], strlen(replies[i]), &token, &err), err);
        T_CHECK(alarm_call_blocks(c, &c->wants[0], give, &err) != 0);
        T_HAS_STR(err.message, "no alarm `a`");
        alarm_call_free(c);
    }
    struct alarm_call *c = alarm_calls_plan(&want, 1);
    T_CHECK(alarm_call_take(c, "{}", 2, &token, &err) != 0);
    T_EQ_INT(err.code, ERR_PROTOCOL);
    T_CHECK(alarm_call_take(c, "<html>", 6, &token, &err) != 0);
    T_EQ_INT(err.code, ERR_PROTOCOL);
    alarm_call_free(c);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"alarms_are_packed", alarms_are_packed},
        {"alarm_states", alarm_states},
        {"what_was_told_beside", what_was_told_beside},
        {"alarms_that_are_not_there", alarms_that_are_not_there},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
