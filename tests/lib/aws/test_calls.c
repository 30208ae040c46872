/*
 * Calls and credentials against a service of our own (lib/net's server): what it answers is a
 * script, its credentials live as long as a test says. Retries, renewal, one fetch for many, the
 * asynchronous form and closing, so that the thread sanitizer sees all of them.
 */
#include "tests/t.h"

#include "lib/aws/aws.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/http_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* --- The service --- */

struct step {
    int status;
    const char *body;
    const char *header, *value; /* or NULL */
    int delay_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct step *script; /* under the lock */
static size_t script_left;
static char last_key[64], sts_scope[64];
static int last_target_count;
static _Atomic int calls, fetches, life_ms, fetch_delay_ms, fetch_status, roles, are_roles_denied;

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

static void note_key(struct http_exchange *ex)
{
    const char *authorization = http_header_in(ex, "Authorization");
    const char *at = authorization ? strstr(authorization, "Credential=") : NULL;
    snprintf(last_key, sizeof(last_key), "%.*s", at ? (int)strcspn(at + 11, "/") : 0,
             at ? at + 11 : "");
    last_target_count += http_header_in(ex, "X-Amz-Target") != NULL;
}

static enum http_next assume_role(struct http_exchange *ex)
{
    char when[WALL_TEXT_BYTES];
    int n = atomic_fetch_add(&roles, 1) + 1;
    const char *authorization = http_header_in(ex, "Authorization");
    const char *scope = authorization ? strchr(authorization, '/') : NULL; /* KEY/date/region/sts */
    scope = scope ? strchr(scope + 1, '/') : NULL;
    pthread_mutex_lock(&lock);
    snprintf(sts_scope, sizeof(sts_scope), "%.*s", scope ? (int)strcspn(scope + 1, "/") : 0,
             scope ? scope + 1 : "");
    pthread_mutex_unlock(&lock);
    if (atomic_load(&are_roles_denied)) {
        buf_add_str(http_out(ex), "<E><Error><Code>AccessDenied</Code></Error></E>");
        return http_reply(ex, 403, "text/xml");
    }
    buf_addf(http_out(ex),
             "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
             "<AssumeRoleResult><Credentials><AccessKeyId>ROLE%d</AccessKeyId>"
             "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
             "<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
             n, wall_format(wall_add_ms(wall_now(), atomic_load(&life_ms)), when));
    return http_reply(ex, 200, "text/xml");
}

static enum http_next post_call(struct http_exchange *ex)
{
    struct step step = {200, "{}", NULL, NULL, 0};
    const struct buf *body = http_body(ex);
    if (strstr(body->data, "Action=AssumeRole&"))
        return assume_role(ex);
    atomic_fetch_add(&calls, 1);
    pthread_mutex_lock(&lock);
    if (script_left) {
        step = *script++;
        script_left--;
    }
    note_key(ex);
    pthread_mutex_unlock(&lock);
    sleep_ms(step.delay_ms);
    buf_add_str(http_out(ex), step.body);
    if (step.header)
        http_set_header(ex, step.header, step.value);
    http_set_header(ex, "x-amzn-RequestId", "request-7");
    return http_reply(ex, step.status, "application/x-amz-json-1.0");
}

static enum http_next get_credentials(struct http_exchange *ex)
{
    int n = atomic_fetch_add(&fetches, 1) + 1;
    char when[WALL_TEXT_BYTES];
    sleep_ms(atomic_load(&fetch_delay_ms));
    if (atomic_load(&fetch_status) != 200) {
        buf_add_str(http_out(ex), "no");
        return http_reply(ex, atomic_load(&fetch_status), "text/plain");
    }
    buf_addf(http_out(ex),
             "{\"AccessKeyId\":\"KEY%d\",\"SecretAccessKey\":\"hush\",\"Token\":\"tok\","
             "\"Expiration\":\"%s\"}",
             n, wall_format(wall_add_ms(wall_now(), atomic_load(&life_ms)), when));
    return http_reply(ex, 200, "application/json");
}

static const struct route routes[] = {
    {.method = "POST", .pattern = "/", .flags = HTTP_PUBLIC | HTTP_WORK, .handler = post_call},
    {.method = "GET",
     .pattern = "/credentials",
     .flags = HTTP_PUBLIC | HTTP_WORK,
     .handler = get_credentials},
};
static const struct route_table tables[] = {{routes, ARRAY_LEN(routes), NULL}};

static int nobody(void *context, struct http_exchange *ex, const char *token, size_t len,
                  struct principal *out, struct err *err)
{
    return err_set(err, ERR_AUTH, "nobody");
}

static struct http_server *server;
static struct aws *aws;
static struct http_client *client;
static struct http_multi *multi;

static void start(const struct step *steps, size_t n)
{
    struct http_server_config config = {.listen = "127.0.0.1:0",
                                        .tables = tables,
                                        .table_count = 1,
                                        .authenticate = nobody,
                                        .work_threads = 16};
    struct err err = {0};
    char url[64];
    script = steps;
    script_left = n;
    last_key[0] = '\0';
    last_target_count = 0;
    atomic_store(&calls, 0);
    atomic_store(&fetches, 0);
    atomic_store(&roles, 0);
    atomic_store(&are_roles_denied, 0);
    atomic_store(&life_ms, 3600000);
    atomic_store(&fetch_delay_ms, 0);
    atomic_store(&fetch_status, 200);
    server = http_server_start(&config, &err);
    T_CHECK(server != NULL);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_server_port(server));
    setenv("AWS_ENDPOINT_URL", url, 1);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/credentials", http_server_port(server));
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_REGION", "eu-west-1", 1);
    aws = aws_open(&(struct aws_config){0}, &err);
    T_CHECK(aws != NULL);
    client = http_client_new();
    multi = http_multi_new("test");
}

static void stop(void)
{
    aws_close(aws);
    http_multi_free(multi);
    http_client_free(client);
    http_server_stop(server, 2000);
    aws = NULL;
}

static const struct aws_request list = {
    .service = "cloudwatch", .operation = "ListMetrics", .timeout_ms = 10000};

static int make(const struct aws_request *q, struct aws_error *error)
{
    struct aws_reply reply;
    int rc;
    aws_reply_init(&reply);
    rc = aws_call(aws, client, q, &reply, error);
    if (rc == 0) {
        error->attempts = reply.attempts;
        error->throttled = reply.throttled;
    }
    aws_reply_release(&reply);
    return rc;
}

/* --- Retries --- */

static void a_throttled_call_is_made_again(void)
{
    static const struct step steps[] = {
        {400, "{\"__type\":\"com.amazonaws#ThrottlingException\",\"message\":\"Rate exceeded\"}",
         NULL, NULL, 0}};
    struct aws_error error = {0};
    start(steps, 1);
    T_OK(make(&list, &error), error.err);
    T_EQ_INT(error.attempts, 2);
    T_EQ_INT(error.throttled, 1);
    T_EQ_INT(atomic_load(&calls), 2);
    T_EQ_INT(last_target_count, 2);
    T_EQ_STR(last_key, "KEY1");
    stop();
}

static void the_last_failure_is_told(void)
{
    static const struct step steps[] = {{503, "<html>", NULL, NULL, 0},
                                        {503, "<html>", NULL, NULL, 0}};
    struct aws_request q = list;
    struct aws_error error;
    q.max_attempts = 2;
    start(steps, 2);
    T_EQ_INT(make(&q, &error), -1);
    T_EQ_INT(error.err.code, ERR_PLATFORM);
    T_EQ_INT(error.status, 503);
    T_EQ_INT(error.attempts, 2);
    T_CHECK(error.may_retry && error.is_unknown && !error.is_throttle);
    T_HAS_STR(error.err.message, "cloudwatch ListMetrics in eu-west-1: after 2 attempts: ");
    T_HAS_STR(error.err.message, "request id request-7");
    stop();
}

static void what_cannot_succeed_is_not_repeated(void)
{
    static const struct step steps[] = {
        {400, "{\"__type\":\"ValidationError\",\"message\":\"Period must be 60\"}", NULL, NULL, 0}};
    struct aws_error error;
    start(steps, 1);
    T_EQ_INT(make(&list, &error), -1);
    T_EQ_STR(error.code, "ValidationError");
    T_CHECK(!error.may_retry && !error.is_unknown);
    T_EQ_INT(atomic_load(&calls), 1);
    T_HAS_STR(error.err.message, "ValidationError: Period must be 60 (status 400)");
    stop();
}

static void retry_after_is_kept(void)
{
    static const struct step steps[] = {{503, "", "x-amz-retry-after", "1200", 0},
                                        {200, "{}", NULL, NULL, 0},
                                        {503, "", "Retry-After", "60", 0}};
    struct aws_error error = {0};
    struct mono began;
    start(steps, 3);
    began = mono_now();
    T_OK(make(&list, &error), error.err);
    T_CHECK(mono_until_ms(began, mono_now()) >= 1200);
    T_EQ_INT(make(&list, &error), -1);
    T_EQ_INT(error.retry_after_ms, 60000);
    T_EQ_INT(error.attempts, 1);
    stop();
}

static void the_deadline_ends_all_of_it(void)
{
    static const struct step steps[] = {{200, "{}", NULL, NULL, 1500},
                                        {200, "{}", NULL, NULL, 1500},
                                        {200, "{}", NULL, NULL, 1500}};
    struct aws_request q = list;
    struct aws_error error;
    struct mono began;
    q.timeout_ms = 700;
    q.attempt_timeout_ms = 300;
    start(steps, 3);
    began = mono_now();
    T_EQ_INT(make(&q, &error), -1);
    T_CHECK(mono_until_ms(began, mono_now()) < 8000);
    T_EQ_INT(error.err.code, ERR_TIMEOUT);
    T_CHECK(error.is_unknown);
    stop();
}

/* --- Credentials --- */

static void expired_credentials_are_fetched_anew(void)
{
    static const struct step steps[] = {
        {400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}", NULL, NULL, 0}};
    struct aws_error error = {0};
    start(steps, 1);
    T_OK(make(&list, &error), error.err);
    T_EQ_INT(atomic_load(&fetches), 2);
    T_EQ_STR(last_key, "KEY2");
    stop();
}

static void *call_once(void *arg)
{
    struct http_client *own = http_client_new();
    struct aws_reply reply;
    struct aws_error error;
    int *failed = arg;
    aws_reply_init(&reply);
    *failed = aws_call(aws, own, &list, &reply, &error);
    aws_reply_release(&reply);
    http_client_free(own);
    return NULL;
}

static void many_wait_for_one_fetch(void)
{
    pthread_t threads[12];
    int failed[12];
    start(NULL, 0);
    atomic_store(&fetch_delay_ms, 300);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        BUG_ON(pthread_create(&threads[i], NULL, call_once, &failed[i]) != 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        T_EQ_INT(failed[i], 0);
    T_EQ_INT(atomic_load(&fetches), 1);
    T_EQ_INT(atomic_load(&calls), 12);
    stop();
}

/* Any but this one: a machine that is held up may need some more tries. */
static bool wait_for_another_key(const char *key, int ms)
{
    struct mono until = mono_add_ms(mono_now(), ms);
    struct aws_error error;
    bool is_seen = false;
    while (!is_seen && !mono_passed(mono_now(), until)) {
        if (make(&list, &error) < 0)
            continue; /* the old ones may expire just before the renewal */
        pthread_mutex_lock(&lock);
        is_seen = strcmp(last_key, key) != 0;
        pthread_mutex_unlock(&lock);
        sleep_ms(20);
    }
    return is_seen;
}

/* The credentials live four seconds, so they are renewed in the last one of them. */
static void old_ones_are_used_while_renewal_fails(void)
{
    struct aws_error error = {0};
    struct mono began;
    start(NULL, 0);
    atomic_store(&life_ms, 4000);
    began = mono_now();
    T_OK(make(&list, &error), error.err);
    T_EQ_INT(atomic_load(&fetches), 1);
    T_OK(make(&list, &error), error.err); /* used: so it will be renewed */
    atomic_store(&fetch_status, 403);
    while (atomic_load(&fetches) < 2 && mono_until_ms(began, mono_now()) < 10000)
        sleep_ms(10);
    T_CHECK(atomic_load(&fetches) >= 2);
    if (mono_until_ms(began, mono_now()) < 3600) { /* else this machine was held up */
        T_OK(make(&list, &error), error.err);
        T_EQ_STR(last_key, "KEY1");
    }
    atomic_store(&fetch_status, 200);
    atomic_store(&life_ms, 3600000);
    T_CHECK(wait_for_another_key("KEY1", 20000));
    stop();
}

static void without_credentials_the_reason_is_told(void)
{
    struct aws_error error;
    start(NULL, 0);
    atomic_store(&fetch_status, 403);
    const struct mono before = mono_now();
    T_EQ_INT(make(&list, &error), -1);
    T_EQ_INT(error.err.code, ERR_AUTH);
    T_HAS_STR(error.err.message, "the container's credentials: status 403");
    T_EQ_INT(make(&list, &error), -1); /* within the pause: not asked again */
    if (mono_until_ms(before, mono_now()) < AWS_RENEW_PAUSE_MS) /* else it was not within it */
        T_EQ_INT(atomic_load(&fetches), 1);
    T_EQ_INT(atomic_load(&calls), 0);
    stop();
}

static void a_role_is_taken_on_once(void)
{
    struct aws_role role = {.arn = "arn:aws:iam::123456789012:role/judge", .external_id = "x"};
    struct aws_request q = list;
    struct aws_error error = {0};
    start(NULL, 0);
    q.role = &role;
    T_OK(make(&q, &error), error.err);
    T_EQ_STR(last_key, "ROLE1");
    T_OK(make(&q, &error), error.err);
    T_OK(make(&list, &error), error.err);
    T_EQ_STR(last_key, "KEY1");
    role.external_id = "y";
    T_OK(make(&q, &error), error.err);
    T_EQ_STR(last_key, "ROLE2");
    T_EQ_INT(atomic_load(&roles), 2);
    T_EQ_INT(atomic_load(&fetches), 1);
    stop();
}

/* Keys of one partition are unknown in another: so are its roles. */
static void a_role_is_asked_for_in_its_partition(void)
{
    static const struct {
        const char *arn, *region, *sts;
    } cases[] = {
        {"arn:aws:iam::123456789012:role/judge", "eu-west-1", "us-east-1"},
        {"arn:aws-cn:iam::123456789012:role/judge", "cn-northwest-1", "cn-north-1"},
        {"arn:aws-us-gov:iam::123456789012:role/judge", "us-gov-east-1", "us-gov-west-1"},
    };
    struct aws_request q = list;
    struct aws_error error = {0};
    struct err err = {0};
    start(NULL, 0);
    aws_close(aws);
    unsetenv("AWS_REGION");
    aws = aws_open(&(struct aws_config){0}, &err);
    T_CHECK(aws != NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct aws_role role = {.arn = cases[i].arn};
        char got[sizeof(sts_scope)];
        q.role = &role;
        q.region = cases[i].region;
        T_OK(make(&q, &error), error.err);
        pthread_mutex_lock(&lock);
        memcpy(got, sts_scope, sizeof(got));
        pthread_mutex_unlock(&lock);
        T_EQ_STR(got, cases[i].sts);
    }
    stop();
}

/* A role whose credentials are none makes place for another; one that is in use does not. */
static void roles_have_a_limit(void)
{
    char arn[64];
    struct aws_role role = {.arn = arn};
    struct aws_request q = list;
    struct aws_error error = {0};
    q.role = &role;
    start(NULL, 0);
    log_set_level(LOG_LEVEL_OFF);
    atomic_store(&are_roles_denied, 1);
    for (int i = 0; i < AWS_ROLES_MAX + 20; i++) {
        snprintf(arn, sizeof(arn), "arn:aws:iam::1:role/denied%d", i);
        T_EQ_INT(make(&q, &error), -1);
        T_EQ_INT(error.err.code, ERR_FORBIDDEN);
    }
    atomic_store(&are_roles_denied, 0);
    for (int i = 0; i < AWS_ROLES_MAX; i++) {
        snprintf(arn, sizeof(arn), "arn:aws:iam::1:role/good%d", i);
        T_OK(make(&q, &error), error.err);
    }
    snprintf(arn, sizeof(arn), "arn:aws:iam::1:role/more");
    T_EQ_INT(make(&q, &error), -1);
    T_EQ_INT(error.err.code, ERR_LIMIT);
    T_HAS_STR(error.err.message, "more than 256 roles are in use");
    log_set_level(LOG_LEVEL_WARN);
    stop();
}

/* A wrong clock, or a metadata service in trouble: AWS decides whether they are any good. */
static void what_comes_expired_is_used(void)
{
    struct aws_error error = {0};
    start(NULL, 0);
    atomic_store(&life_ms, -5000);
    T_OK(make(&list, &error), error.err);
    T_OK(make(&list, &error), error.err);
    T_EQ_STR(last_key, "KEY1");
    T_EQ_INT(atomic_load(&fetches), 1);
    stop();
}

/* --- Asynchronous --- */

static _Atomic int done_count, ok_count;
static _Atomic int last_code;

static void on_done(void *arg, const struct aws_reply *reply, const struct aws_error *error)
{
    if (reply)
        atomic_fetch_add(&ok_count, 1);
    else
        atomic_store(&last_code, (int)error->err.code);
    atomic_fetch_add(&done_count, 1);
}

static void submit_many(int n)
{
    struct err err = {0};
    atomic_store(&done_count, 0);
    atomic_store(&ok_count, 0);
    atomic_store(&last_code, ERR_NONE);
    for (int i = 0; i < n; i++)
        T_OK(aws_submit(aws, multi, &list, on_done, NULL, &err), err);
}

static bool wait_done(int n, int ms)
{
    for (int i = 0; i < ms / 5 && atomic_load(&done_count) < n; i++)
        sleep_ms(5);
    return atomic_load(&done_count) == n;
}

static void submissions_wait_and_retry(void)
{
    static const struct step steps[] = {{503, "", NULL, NULL, 0},
                                        {400, "{\"__type\":\"ExpiredToken\"}", NULL, NULL, 0},
                                        {400, "{\"__type\":\"SlowDown\"}", NULL, NULL, 0}};
    start(steps, 3);
    atomic_store(&fetch_delay_ms, 100);
    submit_many(30);
    T_CHECK(wait_done(30, 30000));
    T_EQ_INT(atomic_load(&ok_count), 30);
    T_EQ_INT(atomic_load(&calls), 33);
    T_EQ_INT(atomic_load(&fetches), 2);
    stop();
}

static void closing_ends_what_waits(void)
{
    start(NULL, 0);
    atomic_store(&fetch_delay_ms, 3000);
    submit_many(5);
    aws_close(aws);
    T_EQ_INT(atomic_load(&done_count), 5);
    T_EQ_INT(atomic_load(&last_code), ERR_UNAVAILABLE);
    aws = NULL;
    stop();
}

static void closing_ends_what_pauses(void)
{
    static const struct step steps[] = {{503, "", "Retry-After", "5", 0}};
    start(steps, 1);
    submit_many(1);
    for (int i = 0; i < 1000 && !atomic_load(&calls); i++)
        sleep_ms(5);
    sleep_ms(50);
    aws_close(aws);
    aws = NULL;
    http_multi_free(multi);
    multi = NULL;
    T_EQ_INT(atomic_load(&done_count), 1);
    T_EQ_INT(atomic_load(&last_code), ERR_UNAVAILABLE);
    stop();
}

static void what_cannot_be_sent_is_refused(void)
{
    struct aws_request q = list;
    struct aws_error error;
    struct err err = {0};
    start(NULL, 0);
    q.region = "evil.example/#";
    T_EQ_INT(make(&q, &error), -1);
    T_EQ_INT(error.err.code, ERR_INPUT);
    T_EQ_INT(aws_submit(aws, multi, &q, on_done, NULL, &err), -1);
    T_HAS_STR(err.message, "is not a region");
    q = list;
    q.service = "s3";
    T_EQ_INT(make(&q, &error), -1);
    T_HAS_STR(error.err.message, "\"s3\" is not an AWS service we know");
    q = (struct aws_request){
        .service = "lambda", .operation = "GetAlias", .path = "/a b", .timeout_ms = 100};
    T_EQ_INT(make(&q, &error), -1);
    T_HAS_STR(error.err.message, "must be encoded");
    T_EQ_INT(atomic_load(&calls), 0);
    stop();
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a_throttled_call_is_made_again", a_throttled_call_is_made_again},
        {"the_last_failure_is_told", the_last_failure_is_told},
        {"what_cannot_succeed_is_not_repeated", what_cannot_succeed_is_not_repeated},
        {"retry_after_is_kept", retry_after_is_kept},
        {"the_deadline_ends_all_of_it", the_deadline_ends_all_of_it},
        {"expired_credentials_are_fetched_anew", expired_credentials_are_fetched_anew},
        {"many_wait_for_one_fetch", many_wait_for_one_fetch},
        {"old_ones_are_used_while_renewal_fails", old_ones_are_used_while_renewal_fails},
        {"without_credentials_the_reason_is_told", without_credentials_the_reason_is_told},
        {"a_role_is_taken_on_once", a_role_is_taken_on_once},
        {"a_role_is_asked_for_in_its_partition", a_role_is_asked_for_in_its_partition},
        {"roles_have_a_limit", roles_have_a_limit},
        {"what_comes_expired_is_used", what_comes_expired_is_used},
        {"submissions_wait_and_retry", submissions_wait_and_retry},
        {"closing_ends_what_waits", closing_ends_what_waits},
        {"closing_ends_what_pauses", closing_ends_what_pauses},
        {"what_cannot_be_sent_is_refused", what_cannot_be_sent_is_refused},
    };
    setenv("HOME", t_tmpdir(), 1);
    unsetenv("AWS_PROFILE");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_CONFIG_FILE");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
