/*
 * What Amazon SNS posts to a subscriber over HTTP: one message, read and held against what may
 * stand in it. Pure: no clock, no network; who believes it is in sns_trust.h.
 *
 * A message names the address of the certificate that signed it, and one that asks to confirm a
 * subscription the address that does so. Both are sent by whoever sends the message, so they are
 * taken only when they are SNS' own in the region of the message's topic:
 *
 *   https://sns.REGION.amazonaws.com/SimpleNotificationService-....pem
 *   https://sns.REGION.amazonaws.com/?Action=ConfirmSubscription&...   (.com.cn in China)
 *
 * Source: Amazon SNS Developer Guide, "HTTP/HTTPS message JSON formats" and "Verifying the
 * signatures of Amazon SNS messages".
 */
#ifndef LIB_AWS_SNS_H
#define LIB_AWS_SNS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/limits.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

enum sns_type { SNS_NOTIFICATION, SNS_SUBSCRIPTION, SNS_UNSUBSCRIPTION, SNS_TYPES };

/* Texts are those of the JSON, escapes undone: the very bytes that were signed. */
struct sns_message {
    enum sns_type type;
    const char *id, *message, *topic, *timestamp;
    const char *subject;               /* NULL: none */
    const char *subscribe_url, *token; /* of both confirmations; else NULL */
    const char *certificate_url;
    int signature_version; /* 1: SHA-1, 2: SHA-256 */
    const unsigned char *signature;
    size_t signature_len;
    struct wall at;                /* timestamp */
    char region[AWS_REGION_BYTES]; /* of the topic */
};

/* "Notification": the word in a message and in the header x-amz-sns-message-type. */
const char *sns_type_name(enum sns_type type);

/* Everything points into the arena. -1: ERR_INPUT names the field and what would be right. */
int sns_read(struct sns_message *out, const char *bytes, size_t len, struct arena *a,
             struct err *err) WARN_UNUSED;
/* The bytes that are signed. */
void sns_string_to_sign(const struct sns_message *m, struct buf *out);

/* Is `arn` the whole name of a topic? *region (AWS_REGION_BYTES) is filled; may be NULL. */
bool sns_is_topic(const char *arn, char *region);
/* Is the message's topic one of "arn:..., arn:..."? Spaces and commas part them. */
bool sns_is_listed(const struct sns_message *m, const char *topics);
bool sns_is_certificate_url(const struct sns_message *m);
bool sns_is_subscribe_url(const struct sns_message *m);

#endif
