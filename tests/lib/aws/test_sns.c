/* Messages of SNS: what is taken, what is signed, which addresses are SNS' own. */
#include "lib/aws/sns.h"

#include "tests/t.h"

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:alarms"
#define PEM   "/SimpleNotificationService-0123456789abcdef.pem"
#define HOST  "https://sns.eu-west-1.amazonaws.com"

static struct arena arena;

#define NOTIFICATION                                                                               \
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92\",\"TopicArn\":\"" TOPIC "\","            \
    "\"Subject\":\"ALARM: \\\"loud\\\"\",\"Message\":\"{\\\"a\\\":1}\\n\\u00e4\","                 \
    "\"Timestamp\":\"2026-11-23T10:15:00.250Z\",\"SignatureVersion\":\"2\","                       \
    "\"Signature\":\"AAEC\",\"SigningCertURL\":\"" HOST PEM "\",\"UnsubscribeURL\":\"x\","         \
    "\"MessageAttributes\":{}}"
#define CONFIRMATION                                                                               \
    "{\"Type\":\"SubscriptionConfirmation\",\"MessageId\":\"id\",\"Token\":\"2336\","              \
    "\"TopicArn\":\"" TOPIC "\",\"Message\":\"You have chosen\",\"SubscribeURL\":\"" HOST          \
    "/?Action=ConfirmSubscription&TopicArn=" TOPIC "&Token=2336\","                                \
    "\"Timestamp\":\"2026-11-23T10:15:00.250Z\",\"SignatureVersion\":\"1\",\"Signature\":\"AA=="   \
    "\","                                                                                          \
    "\"SigningCertURL\":\"" HOST PEM "\"}"

static int read_text(struct sns_message *m, const char *text, struct err *err)
{
    return sns_read(m, text, strlen(text), &arena, err);
}

static void what_is_signed(void)
{
    struct sns_message m;
    struct err err;
    struct buf text;
    buf_init(&text, 10000);
    T_OK(read_text(&m, NOTIFICATION, &err), err);
    T_EQ_INT(m.type, SNS_NOTIFICATION);
    T_EQ_INT(m.signature_version, 2);
    T_EQ_INT(m.signature_len, 3);
    T_EQ_STR(m.region, "eu-west-1");
    T_EQ_INT(m.at.us, 1795428900250000);
    sns_string_to_sign(&m, &text);
    T_EQ_STR(text.data,
             "Message\n{\"a\":1}\n\xc3\xa4\nMessageId\n22b80b92\nSubject\nALARM: \"loud\"\n"
             "Timestamp\n2026-11-23T10:15:00.250Z\nTopicArn\n" TOPIC "\nType\nNotification\n");
    buf_clear(&text);
    T_OK(read_text(&m, CONFIRMATION, &err), err);
    T_EQ_INT(m.signature_version, 1);
    T_EQ_STR(sns_type_name(m.type), "SubscriptionConfirmation");
    sns_string_to_sign(&m, &text);
    T_EQ_STR(text.data, "Message\nYou have chosen\nMessageId\nid\nSubscribeURL\n" HOST
                        "/?Action=ConfirmSubscription&TopicArn=" TOPIC "&Token=2336\n"
                        "Timestamp\n2026-11-23T10:15:00.250Z\nToken\n2336\nTopicArn\n" TOPIC
                        "\nType\nSubscriptionConfirmation\n");
    buf_release(&text);
}

/* Each replaces a part of a good message. */
static void what_is_refused(void)
{
    static const struct {
        int line;
        const char *text, *from, *to, *part;
    } cases[] = {
        {__LINE__, NOTIFICATION, "\"Type\":\"Notification\",", "", "`Type`"},
        {__LINE__, NOTIFICATION, "\"Notification\"", "\"notification\"", "\"notification\""},
        {__LINE__, NOTIFICATION, "\"22b80b92\"", "\"\"", "`MessageId`"},
        {__LINE__, NOTIFICATION, "\"22b80b92\"", "22", "`MessageId`"},
        {__LINE__, NOTIFICATION, "\"" TOPIC "\"", "\"alarms\"", "\"alarms\""},
        {__LINE__, NOTIFICATION, "2026-11-23T", "2026-11-23 at ", "`Timestamp`"},
        {__LINE__, NOTIFICATION, "\"2\"", "\"3\"", "`SignatureVersion`"},
        {__LINE__, NOTIFICATION, "\"2\"", "2", "`SignatureVersion`"},
        {__LINE__, NOTIFICATION, "AAEC", "AA C", "base64"},
        {__LINE__, NOTIFICATION, "\"Signature\":\"AAEC\",", "", "`Signature`"},
        {__LINE__, NOTIFICATION, "\"SigningCertURL\"", "\"SigningCertUrl\"", "`SigningCertURL`"},
        {__LINE__, NOTIFICATION, "\"Message\"", "\"message\"", "`Message`"},
        {__LINE__, NOTIFICATION, "\\u00e4", "\\u0000", ""},
        {__LINE__, NOTIFICATION, "\"Subject\"", "\"Message\"", ""}, /* twice */
        {__LINE__, NOTIFICATION, "{\"Type\"", "[{\"Type\"", ""},
        {__LINE__, CONFIRMATION, "\"Token\":\"2336\",", "", "`Token`"},
        {__LINE__, CONFIRMATION, "\"SubscribeURL\"", "\"SubscribeUrl\"", "`SubscribeURL`"},
    };
    struct sns_message m;
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *at = strstr(cases[i].text, cases[i].from);
        const char *text = at ? arena_printf(&arena, "%.*s%s%s", (int)(at - cases[i].text),
                                             cases[i].text, cases[i].to, at + strlen(cases[i].from))
                              : "";
        if (!at || read_text(&m, text, &err) == 0 || err.code != ERR_INPUT ||
            !strstr(err.message, cases[i].part))
            t_fail(__FILE__, cases[i].line, "taken, or another reason: %s", err.message);
    }
    T_CHECK(read_text(&m, "[]", &err) != 0);
    char *long_id = arena_alloc(&arena, SNS_FIELD_BYTES_MAX + 2);
    memset(long_id, 'x', SNS_FIELD_BYTES_MAX + 1);
    T_CHECK(
        read_text(&m,
                  arena_printf(&arena, "{\"Type\":\"Notification\",\"MessageId\":\"%s\"}", long_id),
                  &err) != 0);
    T_HAS_STR(err.message, "`MessageId`");
}

static void topics(void)
{
    static const struct {
        int line;
        const char *arn;
        bool is;
    } cases[] = {
        {__LINE__, TOPIC, true},
        {__LINE__, "arn:aws-cn:sns:cn-north-1:123456789012:a.fifo", true},
        {__LINE__, "arn:aws-us-gov:sns:us-gov-west-1:123456789012:a", true},
        {__LINE__, "", false},
        {__LINE__, "arn", false},
        {__LINE__, "arn:aws:sns:eu-west-1:123456789012", false},
        {__LINE__, "arn:aws:sns:eu-west-1:123456789012:", false},
        {__LINE__, TOPIC ":2bcfbf39", false}, /* a subscription */
        {__LINE__, "arn:aws:sqs:eu-west-1:123456789012:a", false},
        {__LINE__, "arn:aws:sns:eu_west/1:123456789012:a", false},
        {__LINE__, "arn:aws:sns::123456789012:a", false},
        {__LINE__, "arn:aws:sns:eu-west-1:12345678901:a", false},
        {__LINE__, "arn:aws:sns:eu-west-1:12345678901x:a", false},
        {__LINE__, "arn:aws:sns:eu-west-1:123456789012:a b", false},
        {__LINE__, "urn:aws:sns:eu-west-1:123456789012:a", false},
        {__LINE__, "arn:aws,:sns:eu-west-1:123456789012:a", false},
        {__LINE__, "arn:aws:sns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:123456789012:a", false},
    };
    char region[AWS_REGION_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (sns_is_topic(cases[i].arn, region) != cases[i].is)
            t_fail(__FILE__, cases[i].line, "%s", cases[i].arn);
    struct sns_message m = {.topic = TOPIC};
    T_CHECK(sns_is_listed(&m, TOPIC));
    T_CHECK(sns_is_listed(&m, "arn:x, " TOPIC));
    T_CHECK(sns_is_listed(&m, TOPIC "2," TOPIC ",a"));
    T_CHECK(!sns_is_listed(&m, ""));
    T_CHECK(!sns_is_listed(&m, TOPIC "2"));
    T_CHECK(!sns_is_listed(&m, "x" TOPIC));
}

static void addresses(void)
{
    static const struct {
        int line;
        const char *topic, *url;
        bool is_certificate, is_subscribe;
    } cases[] = {
        {__LINE__, TOPIC, HOST PEM, true, false},
        {__LINE__, "arn:aws-cn:sns:cn-north-1:123456789012:a",
         "https://sns.cn-north-1.amazonaws.com.cn" PEM, true, false},
        {__LINE__, "arn:aws-cn:sns:cn-north-1:123456789012:a",
         "https://sns.cn-north-1.amazonaws.com" PEM, false, false},
        {__LINE__, TOPIC, HOST ".cn" PEM, false, false},
        {__LINE__, TOPIC, "http://sns.eu-west-1.amazonaws.com" PEM, false, false},
        {__LINE__, TOPIC, "https://sns.eu-west-2.amazonaws.com" PEM, false, false},
        {__LINE__, TOPIC, "https://sns-eu-west-1.amazonaws.com" PEM, false, false},
        {__LINE__, TOPIC, HOST "@evil.com" PEM, false, false},
        {__LINE__, TOPIC, HOST ":443" PEM, false, false},
        {__LINE__, TOPIC, HOST "/a" PEM, false, false},
        {__LINE__, TOPIC, HOST PEM "?x", false, false},
        {__LINE__, TOPIC, HOST PEM "#x", false, false},
        {__LINE__, TOPIC, HOST PEM "/", false, false},
        {__LINE__, TOPIC, HOST "/SimpleNotificationService-.pem", false, false},
        {__LINE__, TOPIC, HOST "/SimpleNotificationService-../x.pem", false, false},
        {__LINE__, TOPIC, HOST "/?Action=ConfirmSubscription&Token=1", false, true},
        {__LINE__, TOPIC, HOST "/?Action=ConfirmSubscription&Token=1\r\nX: y", false, false},
        {__LINE__, TOPIC, HOST "/?Action=ConfirmSubscription&Token=1#", false, false},
        {__LINE__, TOPIC, HOST "/?Action=ConfirmSubscriptionX&Token=1", false, false},
        {__LINE__, TOPIC, HOST "/?Action=Publish&x=", false, false},
        {__LINE__, TOPIC, HOST ".evil.com/?Action=ConfirmSubscription&Token=1", false, false},
        {__LINE__, TOPIC, "", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sns_message m = {.topic = cases[i].topic,
                                .certificate_url = cases[i].url,
                                .subscribe_url = cases[i].url};
        if (!sns_is_topic(m.topic, m.region) ||
            sns_is_certificate_url(&m) != cases[i].is_certificate ||
            sns_is_subscribe_url(&m) != cases[i].is_subscribe)
            t_fail(__FILE__, cases[i].line, "%s", cases[i].url);
    }
    const struct sns_message none = {.topic = TOPIC, .region = "eu-west-1"};
    T_CHECK(!sns_is_subscribe_url(&none));
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"what_is_signed", what_is_signed},
        {"what_is_refused", what_is_refused},
        {"topics", topics},
        {"addresses", addresses},
    };
    arena_init(&arena);
    int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    arena_release(&arena);
    return rc;
}
