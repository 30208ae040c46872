#include "collectors/cloudwatch/alarm_notice.h"

#include <string.h>

#include "collectors/cloudwatch/limits.h"
#include "lib/aws/settings.h"
#include "lib/base/node.h"

#define TIME_BYTES 48

const char *alarm_arn_name(const char *arn)
{
    static const char *const want[] = {"arn", "aws*", "cloudwatch", NULL, NULL, "alarm"};
    const char *at = arn;
    char region[64];
    if (strlen(arn) > CLOUDWATCH_ALARM_ARN_BYTES)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        const size_t len = strcspn(at, ":");
        if (at[len] != ':' || len == 0)
            return NULL;
        const size_t fixed = want[i] ? strcspn(want[i], "*") : 0;
        if (want[i] && (strncmp(at, want[i], fixed) != 0 || (!want[i][fixed] && len != fixed)))
            return NULL;
        if (i == 3) {
            if (len >= sizeof(region))
                return NULL;
            memcpy(region, at, len);
            region[len] = '\0';
            if (!settings_is_region(region))
                return NULL;
        }
        if (i == 4 && (len != 12 || strspn(at, "0123456789") != 12))
            return NULL;
        at += len + 1;
    }
    return *at ? at : NULL;
}

/* 2026-11-23T10:15:00.000+0000: the offset is written without the colon. */
static int read_time(const char *text, struct wall *out)
{
    char with_colon[TIME_BYTES];
    const size_t len = strlen(text);
    if (len < 6 || len + 2 > sizeof(with_colon))
        return -1;
    const char *sign = text + len - 5;
    if ((*sign != '+' && *sign != '-') || strspn(sign + 1, "0123456789") != 4)
        return wall_parse(text, out);
    memcpy(with_colon, text, len - 2);
    with_colon[len - 2] = ':';
    memcpy(with_colon + len - 1, text + len - 2, 3); /* with the NUL */
    return wall_parse(with_colon, out);
}

static int read_notice(struct alarm_notice *out, const struct node *root, struct err *err)
{
    const char *time = node_get_string(root, "StateChangeTime");
    out->name = node_get_string(root, "AlarmName");
    out->arn = node_get_string(root, "AlarmArn");
    out->state = node_get_string(root, "NewStateValue");
    if (!out->name || !out->arn || !out->state || !time)
        return err_set(err, ERR_INPUT,
                       "an alarm's notification has AlarmName, AlarmArn, NewStateValue and "
                       "StateChangeTime");
    const char *name = alarm_arn_name(out->arn);
    if (!name || strcmp(name, out->name) != 0)
        return err_set(err, ERR_INPUT, "AlarmArn is \"%.120s\", not that of the alarm `%.80s`",
                       out->arn, out->name);
    out->into.state = alarm_state_of(out->state);
    if (out->into.state == ALARM_UNKNOWN)
        return err_set(err, ERR_INPUT,
                       "NewStateValue is \"%.40s\"; there are OK, ALARM and INSUFFICIENT_DATA",
                       out->state);
    if (read_time(time, &out->into.at) != 0 || out->into.at.us < 0)
        return err_set(err, ERR_INPUT,
                       "StateChangeTime is \"%.40s\", no time as in 2026-11-23T10:15:00.000+0000",
                       time);
    return 0;
}

int alarm_notice_read(struct alarm_notice *out, const char *text, struct arena *a, struct err *err)
{
    *out = (struct alarm_notice){.arn = NULL};
    const struct node *root = node_read_json(a, text, strlen(text), err);
    if (!root || root->type != NODE_OBJECT)
        return err_set(err, ERR_INPUT, "an alarm's notification is a JSON object");
    return read_notice(out, root, err);
}
