#include "lib/aws/sns.h"

#include <stdio.h>
#include <string.h>

#include "lib/aws/settings.h"
#include "lib/base/node.h"
#include "lib/crypto/base64.h"

#define TOPIC_BYTES_MAX 256 /* AWS: a topic's name */
#define CHINA           "aws-cn"

static const char *const type_names[SNS_TYPES] = {
    [SNS_NOTIFICATION] = "Notification",
    [SNS_SUBSCRIPTION] = "SubscriptionConfirmation",
    [SNS_UNSUBSCRIPTION] = "UnsubscribeConfirmation",
};

const char *sns_type_name(enum sns_type type)
{
    BUG_ON((unsigned)type >= SNS_TYPES);
    return type_names[type];
}

/* ---- topics ---- */

/* arn:PARTITION:sns:REGION:ACCOUNT:NAME */
bool sns_is_topic(const char *arn, char *region)
{
    const char *part[6];
    size_t len[6], n = 0;
    for (const char *at = arn; n < 6; at += len[n++] + 1) {
        part[n] = at;
        len[n] = strcspn(at, ":");
        if (!at[len[n]]) {
            n++;
            break;
        }
    }
    char text[AWS_REGION_BYTES];
    if (n != 6 || part[5][len[5]] || len[0] != 3 || memcmp(part[0], "arn", 3) != 0 || len[1] < 3 ||
        memcmp(part[1], "aws", 3) != 0 || strspn(part[1], "abcdefghijklmnopqrstuvwxyz-") < len[1] ||
        len[2] != 3 || memcmp(part[2], "sns", 3) != 0 || len[3] >= sizeof(text))
        return false;
    memcpy(text, part[3], len[3]);
    text[len[3]] = '\0';
    if (!settings_is_region(text) || len[4] != 12 || strspn(part[4], "0123456789") != 12 ||
        len[5] < 1 || len[5] > TOPIC_BYTES_MAX || strpbrk(part[5], ", \t\r\n"))
        return false;
    if (region)
        memcpy(region, text, len[3] + 1);
    return true;
}

bool sns_is_listed(const struct sns_message *m, const char *topics)
{
    const size_t want = strlen(m->topic);
    for (const char *at = topics; *at;) {
        at += strspn(at, ", \t");
        const size_t len = strcspn(at, ", \t");
        if (len && len == want && memcmp(at, m->topic, len) == 0)
            return true;
        at += len;
    }
    return false;
}

/* ---- the two addresses ---- */

/* What follows "https://sns.REGION.amazonaws.com" in url, or NULL. */
static const char *after_host(const struct sns_message *m, const char *url)
{
    char host[64 + AWS_REGION_BYTES];
    const bool is_china = strncmp(m->topic, "arn:" CHINA ":", sizeof("arn:" CHINA)) == 0;
    const int len = snprintf(host, sizeof(host), "https://sns.%s.amazonaws.com%s", m->region,
                             is_china ? ".cn" : "");
    return strncmp(url, host, (size_t)len) == 0 ? url + len : NULL;
}

bool sns_is_certificate_url(const struct sns_message *m)
{
    static const char begin[] = "/SimpleNotificationService-", end[] = ".pem";
    static const char name[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *path = after_host(m, m->certificate_url);
    if (!path || strncmp(path, begin, sizeof(begin) - 1) != 0)
        return false;
    path += sizeof(begin) - 1;
    const size_t len = strspn(path, name);
    return len > 0 && strcmp(path + len, end) == 0;
}

bool sns_is_subscribe_url(const struct sns_message *m)
{
    static const char begin[] = "/?Action=ConfirmSubscription&";
    const char *path = m->subscribe_url ? after_host(m, m->subscribe_url) : NULL;
    if (!path || strncmp(path, begin, sizeof(begin) - 1) != 0)
        return false;
    for (const char *c = path; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '#')
            return false;
    return true;
}

/* ---- reading ---- */

/* A field that must be there, of bounded length. */
static const char *take(const struct node *root, const char *name, struct err *err)
{
    const char *text = node_get_string(root, name);
    if (text && *text && strlen(text) <= SNS_FIELD_BYTES_MAX)
        return text;
    err_set(err, ERR_INPUT, "an SNS message has a text `%s` of at most %d bytes", name,
            SNS_FIELD_BYTES_MAX);
    return NULL;
}

static int read_type(struct sns_message *m, const struct node *root, struct err *err)
{
    const char *type = take(root, "Type", err);
    if (!type)
        return -1;
    for (int i = 0; i < SNS_TYPES; i++)
        if (strcmp(type, type_names[i]) == 0) {
            m->type = (enum sns_type)i;
            return 0;
        }
    return err_set(err, ERR_INPUT, "`Type` is \"%.40s\"; there are %s, %s and %s", type,
                   type_names[0], type_names[1], type_names[2]);
}

static int read_signature(struct sns_message *m, const struct node *root, struct arena *a,
                          struct err *err)
{
    const char *version = take(root, "SignatureVersion", err);
    const char *text = version ? take(root, "Signature", err) : NULL;
    if (!text)
        return -1;
    if (strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        return err_set(err, ERR_INPUT, "`SignatureVersion` is \"%.20s\"; there are 1 and 2",
                       version);
    unsigned char *bytes = arena_alloc(a, SNS_SIGNATURE_BYTES_MAX);
    if (base64_decode(text, strlen(text), bytes, SNS_SIGNATURE_BYTES_MAX, &m->signature_len) != 0)
        return err_set(err, ERR_INPUT, "`Signature` is not base64 of at most %d bytes",
                       SNS_SIGNATURE_BYTES_MAX);
    m->signature = bytes;
    m->signature_version = version[0] - '0';
    return 0;
}

static int read_fields(struct sns_message *m, const struct node *root, struct arena *a,
                       struct err *err)
{
    if (read_type(m, root, err) != 0)
        return -1;
    if (!(m->id = take(root, "MessageId", err)) || !(m->topic = take(root, "TopicArn", err)) ||
        !(m->timestamp = take(root, "Timestamp", err)) ||
        !(m->certificate_url = take(root, "SigningCertURL", err)))
        return -1;
    if (m->type != SNS_NOTIFICATION && (!(m->subscribe_url = take(root, "SubscribeURL", err)) ||
                                        !(m->token = take(root, "Token", err))))
        return -1;
    if (!(m->message = node_get_string(root, "Message")))
        return err_set(err, ERR_INPUT, "an SNS message has a text `Message`");
    if (m->type == SNS_NOTIFICATION)
        m->subject = node_get_string(root, "Subject");
    if (!sns_is_topic(m->topic, m->region))
        return err_set(err, ERR_INPUT,
                       "`TopicArn` is \"%.120s\"; a topic is named as in "
                       "arn:aws:sns:eu-west-1:123456789012:alarms",
                       m->topic);
    if (wall_parse(m->timestamp, &m->at) != 0)
        return err_set(err, ERR_INPUT, "`Timestamp` is no time as in 2026-11-23T10:15:00.000Z");
    return read_signature(m, root, a, err);
}

int sns_read(struct sns_message *out, const char *bytes, size_t len, struct arena *a,
             struct err *err)
{
    *out = (struct sns_message){.subject = NULL};
    const struct node *root = node_read_json(a, bytes, len, err);
    if (!root)
        return -1;
    if (root->type != NODE_OBJECT)
        return err_set(err, ERR_INPUT, "an SNS message is a JSON object");
    return read_fields(out, root, a, err);
}

void sns_string_to_sign(const struct sns_message *m, struct buf *out)
{
    const bool is_notification = m->type == SNS_NOTIFICATION;
    const struct {
        const char *name, *value;
    } fields[] = {
        /* in the order of their bytes; what a type does not have is left out */
        {"Message", m->message},
        {"MessageId", m->id},
        {"Subject", is_notification ? m->subject : NULL},
        {"SubscribeURL", is_notification ? NULL : m->subscribe_url},
        {"Timestamp", m->timestamp},
        {"Token", is_notification ? NULL : m->token},
        {"TopicArn", m->topic},
        {"Type", sns_type_name(m->type)},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (fields[i].value)
            buf_addf(out, "%s\n%s\n", fields[i].name, fields[i].value);
}
