/*
 * POST /hooks/sns: what CloudWatch alarms tell through SNS (docs/collectors/cloudwatch.md, "Pushed
 * alarms").
 *
 * No token is asked for: SNS signs each message, and only topics that the operator named are heard.
 * What costs little is checked first, so that made-up messages cost little. SNS gives a message up
 * after any 4xx and repeats it, for an hour, after 5xx: so only what may be well the next time is
 * answered 503. A message that is sent again is answered as the first time and changes nothing.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "collectors/cloudwatch/alarm_notice.h"
#include "judge/api/api.h"
#include "judge/api/limits.h"
#include "lib/aws/sns_trust.h"
#include "lib/base/counters.h"
#include "lib/base/log.h"
#include "lib/base/writer.h"

#define COMPLAINT_SECONDS 60

enum {
    TOOK_ALARM,
    TOOK_AGAIN,
    TOOK_OTHER,
    TOOK_SUBSCRIPTION,
    TOOK_UNSUBSCRIPTION,
    REFUSED_UNREADABLE,
    REFUSED_TOPIC,
    REFUSED_TIME,
    REFUSED_SENDER,
    REFUSED_SIGNATURE,
    REFUSED_LIMIT,
    REFUSED_NOW
};
#define TAKEN   "Messages of SNS that were taken: alarms, the same again, what is no alarm's."
#define REFUSED "Messages to /hooks/sns that were refused."
#define TOOK(row, w)                                                                               \
    [row] = {.name = "judge_sns_messages_total", .labels = "what=\"" w "\"", .help = TAKEN}
#define NOT(row, w)                                                                                \
    [row] = {.name = "judge_sns_refused_total", .labels = "why=\"" w "\"", .help = REFUSED}
static struct counter counters[] = {
    TOOK(TOOK_ALARM, "alarm"),
    TOOK(TOOK_AGAIN, "repeated"),
    TOOK(TOOK_OTHER, "other"),
    TOOK(TOOK_SUBSCRIPTION, "subscription"),
    TOOK(TOOK_UNSUBSCRIPTION, "unsubscription"),
    NOT(REFUSED_UNREADABLE, "unreadable"),
    NOT(REFUSED_TOPIC, "topic"),
    NOT(REFUSED_TIME, "time"),
    NOT(REFUSED_SENDER, "sender"),
    NOT(REFUSED_SIGNATURE, "signature"),
    NOT(REFUSED_LIMIT, "limit"),
    NOT(REFUSED_NOW, "unavailable"),
};

/* ---- answers ---- */

static enum http_next answer(struct http_exchange *ex, int row, const char *word)
{
    struct writer w;
    counter_add(&counters[row], 1);
    writer_init(&w, http_out(ex));
    writer_object(&w);
    writer_kv_string(&w, "taken", word);
    writer_end(&w);
    return http_reply(ex, 200, "application/json");
}

/* Anybody may post here: the log says it once a minute, the counters say how often. */
static enum http_next refuse(struct http_exchange *ex, int row, const struct err *err)
{
    static _Atomic int64_t next_us;
    const int64_t now = mono_now().us;
    int64_t next = atomic_load(&next_us);
    counter_add(&counters[row], 1);
    if (now >= next &&
        atomic_compare_exchange_strong(&next_us, &next, now + COMPLAINT_SECONDS * US_PER_SECOND))
        log_warn("sns", "a message from %s was refused: %s (judge_sns_refused_total counts)",
                 http_peer(ex), err->message);
    return http_fail(ex, err);
}

/* What sns_believe, sns_confirm and the store may say. */
static enum http_next refuse_for(struct http_exchange *ex, struct err *err)
{
    switch (err->code) {
    case ERR_FORBIDDEN:
        return refuse(ex, REFUSED_SENDER, err);
    case ERR_AUTH:
        err->code = ERR_FORBIDDEN; /* 401 would ask for a password */
        return refuse(ex, REFUSED_SIGNATURE, err);
    case ERR_LIMIT:
        return refuse(ex, REFUSED_LIMIT, err);
    default:
        err->code = ERR_UNAVAILABLE;
        return refuse(ex, REFUSED_NOW, err);
    }
}

/* ---- checks ---- */

/* The headers say again what stands in the message; who sends none of them need not. */
static int check_headers(struct http_exchange *ex, const struct sns_message *m, struct err *err)
{
    const struct {
        const char *name, *want;
    } rows[] = {
        {"x-amz-sns-message-type", sns_type_name(m->type)},
        {"x-amz-sns-message-id", m->id},
        {"x-amz-sns-topic-arn", m->topic},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *said = http_header_in(ex, rows[i].name);
        if (said && strcmp(said, rows[i].want) != 0)
            return err_set(err, ERR_INPUT, "the header %s and the message differ", rows[i].name);
    }
    return 0;
}

static int read_message(struct http_exchange *ex, struct sns_message *m, struct err *err)
{
    const char *raw = http_header_in(ex, "x-amz-sns-rawdelivery");
    const struct buf *body = http_body(ex);
    if (raw && strcasecmp(raw, "true") == 0)
        return err_set(err, ERR_INPUT,
                       "raw delivery has no signature: set RawMessageDelivery of the subscription "
                       "to false");
    if (sns_read(m, body->data, body->len, http_arena(ex), err) != 0)
        return -1;
    return check_headers(ex, m, err);
}

static int check_topic(const struct service *s, const struct sns_message *m, struct err *err)
{
    if (!sns_is_listed(m, s->config.sns_topics))
        return err_set(err, ERR_FORBIDDEN, "the topic %.120s may not post here (--sns-topic)",
                       m->topic);
    return 0;
}

static int check_time(const struct sns_message *m, struct wall now, struct err *err)
{
    const int64_t age_s = (now.us - m->at.us) / US_PER_SECOND;
    if (age_s > SNS_AGE_MAX_S || age_s < -SNS_AHEAD_MAX_S)
        return err_set(err, ERR_FORBIDDEN,
                       "the message is of %s; SNS repeats one for an hour, and our clock differs",
                       m->timestamp);
    return 0;
}

/* ---- messages ---- */

static enum http_next take_notification(struct http_exchange *ex, const struct sns_message *m)
{
    struct service *s = api_service(ex);
    struct alarm_notice notice;
    struct err err = {0};
    bool is_new = false;
    if (alarm_notice_read(&notice, m->message, http_arena(ex), &err) != 0) {
        log_debug("sns", "%s of %s: %s", m->id, m->topic, err.message);
        return answer(ex, TOOK_OTHER, "other"); /* a topic may have other readers, too */
    }
    if (notice.into.at.us > m->at.us + SNS_AHEAD_MAX_S * US_PER_SECOND) {
        err_set(&err, ERR_INPUT, "StateChangeTime is later than the message itself");
        return refuse(ex, REFUSED_UNREADABLE, &err);
    }
    struct alarm_note note = {.at = notice.into.at};
    BUG_ON(strlen(notice.state) >= sizeof(note.state)); /* one of three words */
    memcpy(note.state, notice.state, strlen(notice.state) + 1);
    if (store_alarm_note(s->store, notice.arn, &note, m->id, &is_new, &err) != 0)
        return err.code == ERR_INPUT ? refuse(ex, REFUSED_UNREADABLE, &err) : refuse_for(ex, &err);
    if (!is_new)
        return answer(ex, TOOK_AGAIN, "repeated");
    log_info("sns", "%s is in state %s", notice.arn, notice.state);
    return answer(ex, TOOK_ALARM, "alarm");
}

static enum http_next take_subscription(struct http_exchange *ex, const struct sns_message *m)
{
    struct err err = {0};
    if (sns_confirm(api_service(ex)->sns, m, &err) != 0)
        return refuse_for(ex, &err);
    log_info("sns", "%s: the subscription is confirmed", m->topic);
    return answer(ex, TOOK_SUBSCRIPTION, "subscription");
}

static enum http_next take_message(struct http_exchange *ex, const struct sns_message *m)
{
    switch (m->type) {
    case SNS_NOTIFICATION:
        return take_notification(ex, m);
    case SNS_SUBSCRIPTION:
        return take_subscription(ex, m);
    case SNS_UNSUBSCRIPTION:
    case SNS_TYPES:
        break;
    }
    log_warn("sns", "%s: the subscription has ended; its alarms tell nothing from now on",
             m->topic);
    return answer(ex, TOOK_UNSUBSCRIPTION, "unsubscription");
}

static enum http_next take(struct http_exchange *ex)
{
    struct service *s = api_service(ex);
    struct sns_message m;
    struct err err = {0};
    if (!s->sns) {
        err_set(&err, ERR_FORBIDDEN, "no topic may post here: judged needs --sns-topic");
        return refuse(ex, REFUSED_TOPIC, &err);
    }
    if (read_message(ex, &m, &err) != 0)
        return refuse(ex, REFUSED_UNREADABLE, &err);
    if (check_topic(s, &m, &err) != 0)
        return refuse(ex, REFUSED_TOPIC, &err);
    if (check_time(&m, http_arrived(ex), &err) != 0)
        return refuse(ex, REFUSED_TIME, &err);
    if (sns_believe(s->sns, &m, http_arrived(ex), &err) != 0)
        return refuse_for(ex, &err);
    return take_message(ex, &m);
}

static const struct route_param params[] = {
    {"x-amz-sns-message-type", "header", "string",
     "`Notification`, `SubscriptionConfirmation` or `UnsubscribeConfirmation`, as in the message"},
    {"x-amz-sns-message-id", "header", "string", "the same"},
    {"x-amz-sns-topic-arn", "header", "string", "the same"},
    {0},
};

const struct route sns_routes[] = {
    {.method = "POST",
     .pattern = "/hooks/sns",
     .flags = HTTP_PUBLIC | HTTP_WORK,
     .body_max = SNS_BODY_MAX,
     .media = "text/plain|application/json",
     .handler = take,
     .summary = "CloudWatch alarms through SNS: signed by it, of topics the operator named",
     .params = params},
    {0},
};

void sns_counters_register(void)
{
    counters_register(counters, ARRAY_LEN(counters));
}
