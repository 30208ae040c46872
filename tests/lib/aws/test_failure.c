#include "lib/aws/failure.h"

#include "tests/t.h"

static const struct {
    int line;
    int status;
    const char *headers, *body;
    const char *code;
    enum err_code kind;
    bool is_throttle, may_retry;
    const char *message; /* a part of it */
} cases[] = {
    /* JSON services */
    {__LINE__, 400, "",
     "{\"__type\":\"com.amazon.coral.service#ValidationException\",\"message\":\"m\"}",
     "ValidationException", ERR_PLATFORM, false, false, "ValidationException: m (status 400)"},
    {__LINE__, 400, "", "{\"__type\":\"ThrottlingException:http://internal\",\"Message\":\"Rate\"}",
     "ThrottlingException", ERR_LIMIT, true, true, "Rate"},
    {__LINE__, 400, "x-amzn-query-error: InvalidParameterValue;Sender\n",
     "{\"__type\":\"com.amazonaws.cloudwatch#InvalidParameterValueException\"}",
     "InvalidParameterValue", ERR_PLATFORM, false, false, ""},
    {__LINE__, 403, "",
     "{\"message\":\"The security token included in the request is expired\","
     "\"__type\":\"ExpiredTokenException\"}",
     "ExpiredTokenException", ERR_AUTH, false, false, "expired"},
    {__LINE__, 400, "", "{\"__type\":\"AccessDeniedException\",\"Message\":\"User: x is not\"}",
     "AccessDeniedException", ERR_FORBIDDEN, false, false, "User: x is not"},
    /* REST JSON: the code in a header */
    {__LINE__, 404, "x-amzn-errortype: ResourceNotFoundException:http://x\n",
     "{\"Message\":\"no\"}", "ResourceNotFoundException", ERR_NOT_FOUND, false, false, "no"},
    {__LINE__, 429, "x-amzn-errortype: TooManyRequestsException\n", "{}",
     "TooManyRequestsException", ERR_LIMIT, true, true, ""},
    {__LINE__, 412, "x-amzn-errortype: PreconditionFailedException\n", "{\"message\":\"old\"}",
     "PreconditionFailedException", ERR_PRECONDITION, false, false, "old"},
    {__LINE__, 409, "", "{\"code\":\"ConflictException\"}", "ConflictException", ERR_CONFLICT,
     false, false, ""},
    /* query, ec2, REST XML */
    {__LINE__, 400, "",
     "<ErrorResponse xmlns=\"http://x/\"><Error><Type>Sender</Type><Code>ListenerNotFound</Code>"
     "<Message>a &amp; b</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
     "ListenerNotFound", ERR_NOT_FOUND, false, false, "a & b"},
    {__LINE__, 503, "",
     "<?xml version=\"1.0\"?><Response><Errors><Error><Code>RequestLimitExceeded</Code>"
     "<Message>slow</Message></Error></Errors><RequestID>r</RequestID></Response>",
     "RequestLimitExceeded", ERR_LIMIT, true, true, "slow"},
    {__LINE__, 400, "",
     "<InvalidChangeBatch><Messages><Message>no zone</Message></Messages></InvalidChangeBatch>",
     "InvalidChangeBatch", ERR_PLATFORM, false, false, "no zone"},
    {__LINE__, 400, "", "<Error><Code>PriorRequestNotComplete</Code></Error>",
     "PriorRequestNotComplete", ERR_LIMIT, true, true, ""},
    /* what answers in place of AWS */
    {__LINE__, 502, "", "<html><body>Bad gateway<br></html>", "", ERR_PLATFORM, false, true,
     "no error code (status 502)"},
    {__LINE__, 403, "", "", "", ERR_FORBIDDEN, false, false, ""},
    {__LINE__, 401, "", "denied", "", ERR_AUTH, false, false, ""},
    {__LINE__, 404, "", "[1]", "", ERR_NOT_FOUND, false, false, ""},
    {__LINE__, 429, "", "", "", ERR_LIMIT, true, true, ""},
    {__LINE__, 501, "", "", "", ERR_PLATFORM, false, false, ""},
    {__LINE__, 400, "", "{\"__type\":7,\"message\":[]}", "", ERR_PLATFORM, false, false, ""},
    {__LINE__, 400, "", "{\"__type\":\"\",\"message\":\"\\u0001\"}", "", ERR_PLATFORM, false, false,
     ""},
};

static void make_reply(struct http_reply *r, int status, const char *headers, const char *body)
{
    http_reply_init(r);
    r->status = status;
    buf_add_str(&r->headers, headers);
    buf_add_str(&r->body, body);
}

static void reads_errors_of_every_form(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_reply r;
        struct aws_error e = {0};
        make_reply(&r, cases[i].status, cases[i].headers, cases[i].body);
        failure_read(&r, &e);
        http_reply_release(&r);
        if (strcmp(e.code, cases[i].code) != 0 || e.err.code != cases[i].kind ||
            e.is_throttle != cases[i].is_throttle || e.may_retry != cases[i].may_retry ||
            !strstr(e.err.message, cases[i].message))
            t_fail(__FILE__, cases[i].line, "code \"%s\" kind %s throttle %d retry %d: %s", e.code,
                   err_info(e.err.code)->name, e.is_throttle, e.may_retry, e.err.message);
    }
}

/* AWS tells the request that it would have signed: the token in it must not come through. */
static void a_refused_signature_tells_no_token(void)
{
    struct http_reply r;
    struct aws_error e = {0};
    make_reply(&r, 403, "",
               "{\"__type\":\"SignatureDoesNotMatch\",\"message\":\"The request signature we "
               "calculated does not match.\\n\\nThe Canonical String should have been\\n'POST\\n"
               "x-amz-security-token:SECRETTOKEN\\n'\"}");
    failure_read(&r, &e);
    http_reply_release(&r);
    T_EQ_INT(e.err.code, ERR_AUTH);
    T_HAS_STR(e.err.message, "does not match.");
    T_CHECK(!strstr(e.err.message, "SECRETTOKEN"));
    T_CHECK(failure_may_be_skew(&e));
}

static void reads_headers(void)
{
    struct http_reply r;
    struct aws_error e = {0};
    struct wall date;
    char text[WALL_TEXT_BYTES], id[AWS_REQUEST_ID_BYTES];
    make_reply(&r, 503,
               "date: Sat, 28 Nov 2026 21:19:59 GMT\nx-amz-retry-after: 1500\nretry-after: 9\n"
               "x-amzn-requestid: abc\n",
               "");
    failure_read(&r, &e);
    T_EQ_INT(e.retry_after_ms, 1500);
    T_EQ_INT(failure_date(&r, &date), 0);
    T_EQ_STR(wall_format(date, text), "2026-11-28T21:19:59Z");
    failure_request_id(&r, id);
    T_EQ_STR(id, "abc");
    buf_clear(&r.headers);
    /* our clock would stand at the end of what a signature can be dated */
    buf_add_str(&r.headers, "date: Fri, 31 Dec 9999 23:59:59 GMT\n");
    T_EQ_INT(failure_date(&r, &date), -1);
    buf_clear(&r.headers);
    buf_add_str(&r.headers, "date: Samedi 28\nretry-after: 9\n");
    e = (struct aws_error){0};
    failure_read(&r, &e);
    T_EQ_INT(e.retry_after_ms, 9000);
    T_EQ_INT(failure_date(&r, &date), -1);
    http_reply_release(&r);
}

static void no_answer_may_be_tried_again(void)
{
    struct aws_error e = {0};
    struct err err = {.code = ERR_TIMEOUT, .message = "slow"};
    failure_of_transfer(&err, &e);
    T_CHECK(e.may_retry && e.is_unknown && e.status == 0);
    err.code = ERR_AUTH; /* the certificate */
    e = (struct aws_error){0};
    failure_of_transfer(&err, &e);
    T_CHECK(!e.may_retry && !e.is_unknown);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"reads_errors_of_every_form", reads_errors_of_every_form},
        {"a_refused_signature_tells_no_token", a_refused_signature_tells_no_token},
        {"reads_headers", reads_headers},
        {"no_answer_may_be_tried_again", no_answer_may_be_tried_again},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
