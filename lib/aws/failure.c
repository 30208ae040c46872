#include "lib/aws/failure.h"

#include "lib/aws/xml.h"
#include "lib/base/arena.h"
#include "lib/base/node.h"
#include "lib/base/num.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MESSAGE_MAX 300  /* of AWS's own words */
#define LAST_YEAR   9000 /* a signature's time has four digits for it, and time goes on */

/* --- Codes --- */

static const char *const throttle_codes[] = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
};
static const char *const transient_codes[] = {
    "RequestTimeout",
    "RequestTimeoutException",
    "PriorRequestNotComplete",
};
static const char *const expired_codes[] = {
    "ExpiredToken",
    "ExpiredTokenException",
};
static const char *const skew_codes[] = {
    "RequestTimeTooSkewed",      "RequestExpired",        "RequestInTheFuture",
    "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure",
};
static const char *const auth_codes[] = {
    "ExpiredToken",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "AuthFailure",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "NotAuthorizedException",
};
static const char *const forbidden_codes[] = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "OptInRequired",
};

static bool is_one_of(const char *code, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(code, list[i]))
            return true;
    return false;
}
#define IS_ONE_OF(code, list) is_one_of(code, list, ARRAY_LEN(list))

bool failure_is_expired(const struct aws_error *error)
{
    return IS_ONE_OF(error->code, expired_codes);
}

bool failure_may_be_skew(const struct aws_error *error)
{
    return IS_ONE_OF(error->code, skew_codes);
}

/* --- The parts of an answer --- */

/* "com.amazon#Code:http://..." -> "Code"; only what a code is made of. */
static void set_code(struct aws_error *error, const char *text, size_t len)
{
    const char *mark = memchr(text, '#', len);
    size_t n = 0;
    if (mark) {
        len -= (size_t)(mark + 1 - text);
        text = mark + 1;
    }
    while (n < len && n < AWS_CODE_BYTES - 1 && (strchr("._-", text[n]) ? text[n] != '\0' : 1) &&
           ((text[n] >= '0' && text[n] <= '9') ||
            ((text[n] | 32) >= 'a' && (text[n] | 32) <= 'z') || strchr("._-", text[n])))
        n++;
    if (!n || error->code[0])
        return;
    memcpy(error->code, text, n);
    error->code[n] = '\0';
}

/* The first line of AWS's message, without control characters: that of a refused signature goes on
 * with the request it calculated, token and all. */
static void set_message(char out[MESSAGE_MAX + 1], const char *text)
{
    size_t n = 0;
    while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t')
        text++;
    while (n < MESSAGE_MAX && (unsigned char)text[n] >= 0x20 && text[n] != 0x7f) {
        out[n] = text[n];
        n++;
    }
    while (n && ((unsigned char)out[n - 1] & 0xc0) == 0x80 && n == MESSAGE_MAX)
        n--; /* not in the middle of a character */
    out[n] = '\0';
}

static const char *first_string(const struct node *n, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = node_get_string(n, names[i]);
        if (text)
            return text;
    }
    return NULL;
}

static bool read_json(struct arena *a, const struct http_reply *reply, struct aws_error *error,
                      char *message)
{
    static const char *const codes[] = {"__type", "code", "Code"};
    static const char *const messages[] = {"message", "Message", "errorMessage"};
    const struct node *n = node_read_json(a, reply->body.data, reply->body.len, NULL);
    const char *text;
    if (!n || n->type != NODE_OBJECT)
        return false;
    if (node_get(n, "Error") && node_get(n, "Error")->type == NODE_OBJECT)
        n = node_get(n, "Error"); /* a query service that was asked for JSON */
    text = first_string(n, codes, ARRAY_LEN(codes));
    if (text)
        set_code(error, text, strlen(text));
    text = first_string(n, messages, ARRAY_LEN(messages));
    if (text)
        set_message(message, text);
    return true;
}

static void read_xml(struct arena *a, const struct http_reply *reply, struct aws_error *error,
                     char *message)
{
    const struct xml *root = xml_read(a, reply->body.data, reply->body.len, NULL);
    const struct xml *x = xml_get(root, "Error");
    const char *text;
    if (!root)
        return;
    if (!x)
        x = xml_get(root, "Errors/Error");
    if (!x)
        x = root;
    text = xml_get_text(x, "Code");
    if (text)
        set_code(error, text, strlen(text));
    else if (xml_get(root, "Messages")) /* Route 53: <InvalidChangeBatch><Messages><Message> */
        set_code(error, root->name, strlen(root->name));
    text = xml_get_text(x, "Message");
    if (!text)
        text = xml_get_text(root, "Messages/Message");
    if (text)
        set_message(message, text);
    text = xml_get_text(root, "RequestId");
    if (!text)
        text = xml_get_text(root, "RequestID");
    if (text && !error->request_id[0])
        snprintf(error->request_id, sizeof(error->request_id), "%s", text);
}

static void read_headers(const struct http_reply *reply, struct aws_error *error)
{
    size_t len;
    const char *value = http_reply_header(reply, "x-amzn-query-error", &len);
    if (value)
        set_code(error, value, strcspn(value, ";\n"));
    value = http_reply_header(reply, "x-amzn-errortype", &len);
    if (value)
        set_code(error, value, len);
}

void failure_request_id(const struct http_reply *reply, char out[AWS_REQUEST_ID_BYTES])
{
    static const char *const names[] = {"x-amzn-requestid", "x-amzn-request-id",
                                        "x-amz-request-id"};
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(names) && !out[0]; i++) {
        size_t len;
        const char *value = http_reply_header(reply, names[i], &len);
        if (value)
            snprintf(out, AWS_REQUEST_ID_BYTES, "%.*s", (int)(len < 200 ? len : 200), value);
    }
}

/* x-amz-retry-after is in milliseconds, Retry-After in seconds. */
static int retry_after_ms(const struct http_reply *reply)
{
    size_t len;
    uint64_t ms;
    const char *value = http_reply_header(reply, "x-amz-retry-after", &len);
    int seconds = http_reply_retry_after(reply);
    if (value && num_parse_u64(value, len, &ms) == 0 && ms < 1000000000)
        return (int)ms;
    return seconds >= 0 ? seconds * 1000 : -1;
}

/* The digits at[0..n) as a number, or -1. */
static int digits(const char *at, size_t n)
{
    uint64_t value;
    return num_parse_u64(at, n, &value) == 0 ? (int)value : -1;
}

int failure_date(const struct http_reply *reply, struct wall *out)
{
    static const char form[] = "Sat, 28 Nov 2026 21:19:59 GMT";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    size_t len;
    const char *text = http_reply_header(reply, "date", &len);
    if (!text || len != sizeof(form) - 1 || memcmp(text + len - 4, " GMT", 4) != 0)
        return -1;
    while (tm.tm_mon < 12 && memcmp(months + 3 * (size_t)tm.tm_mon, text + 8, 3) != 0)
        tm.tm_mon++;
    tm.tm_mday = digits(text + 5, 2);
    tm.tm_year = digits(text + 12, 4) - 1900;
    tm.tm_hour = digits(text + 17, 2);
    tm.tm_min = digits(text + 20, 2);
    tm.tm_sec = digits(text + 23, 2);
    if (tm.tm_mon == 12 || tm.tm_mday < 1 || tm.tm_year < 0 || tm.tm_year > LAST_YEAR - 1900 ||
        tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0)
        return -1;
    out->us = (int64_t)timegm(&tm) * US_PER_SECOND;
    return 0;
}

/* --- The whole --- */

static enum err_code code_of(const struct aws_error *e)
{
    const char *code = e->code;
    if (e->is_throttle)
        return ERR_LIMIT;
    if (IS_ONE_OF(code, auth_codes) || (!code[0] && e->status == 401))
        return ERR_AUTH;
    if (IS_ONE_OF(code, forbidden_codes) || (!code[0] && e->status == 403))
        return ERR_FORBIDDEN;
    if (e->status == 404 || strstr(code, "NotFound"))
        return ERR_NOT_FOUND;
    if (e->status == 412 || !strncmp(code, "PreconditionFailed", 18))
        return ERR_PRECONDITION;
    if (e->status == 409)
        return ERR_CONFLICT;
    return ERR_PLATFORM;
}

void failure_read(const struct http_reply *reply, struct aws_error *error)
{
    struct arena a;
    char message[MESSAGE_MAX + 1] = "";
    arena_init(&a);
    error->status = reply->status;
    failure_request_id(reply, error->request_id);
    read_headers(reply, error);
    if (!read_json(&a, reply, error, message))
        read_xml(&a, reply, error, message);
    arena_release(&a);
    error->retry_after_ms = retry_after_ms(reply);
    error->is_throttle = IS_ONE_OF(error->code, throttle_codes) || reply->status == 429;
    error->is_unknown = reply->status >= 500;
    error->may_retry = error->is_throttle || IS_ONE_OF(error->code, transient_codes) ||
                       reply->status == 500 || (reply->status >= 502 && reply->status <= 504);
    err_set(&error->err, code_of(error), "%s%s%s (status %d)",
            error->code[0] ? error->code : "no error code", message[0] ? ": " : "", message,
            error->status);
}

void failure_of_transfer(const struct err *err, struct aws_error *error)
{
    error->err = *err;
    error->retry_after_ms = -1;
    error->may_retry =
        err->code == ERR_NETWORK || err->code == ERR_TIMEOUT || err->code == ERR_PROTOCOL;
    error->is_unknown = error->may_retry || err->code == ERR_TOO_LARGE;
}
