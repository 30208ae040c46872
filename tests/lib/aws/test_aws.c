/*
 * Calls from outside: `test_aws --stdin` opens lib/aws with the variables it is given and makes the
 * calls it reads, a JSON object a line, for tests/e2e/test_aws_*.py; without it, what needs no
 * network is tested here.
 */
#include "tests/t.h"

#include "lib/aws/aws.h"
#include "lib/base/clock.h"
#include "lib/base/node.h"
#include "lib/base/writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* --- The filter --- */

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    struct buf text;
};

static void write_answer(struct buf *out, const struct aws_reply *reply,
                         const struct aws_error *error)
{
    struct writer w;
    writer_init(&w, out);
    writer_object(&w);
    writer_kv_bool(&w, "ok", reply != NULL);
    if (reply) {
        writer_kv_int(&w, "status", reply->http.status);
        writer_key(&w, "body");
        writer_string_n(&w, reply->http.body.data, reply->http.body.len);
        writer_kv_string(&w, "request_id", reply->request_id);
        writer_kv_int(&w, "attempts", reply->attempts);
    } else {
        writer_kv_string(&w, "message", error->err.message);
        writer_kv_string(&w, "kind", err_info(error->err.code)->name);
        writer_kv_string(&w, "code", error->code);
        writer_kv_int(&w, "status", error->status);
        writer_kv_bool(&w, "is_throttle", error->is_throttle);
        writer_kv_bool(&w, "may_retry", error->may_retry);
        writer_kv_bool(&w, "is_unknown", error->is_unknown);
        writer_kv_int(&w, "retry_after_ms", error->retry_after_ms);
        writer_kv_int(&w, "attempts", error->attempts);
    }
    writer_end(&w);
}

static void on_done(void *arg, const struct aws_reply *reply, const struct aws_error *error)
{
    struct answer *a = arg;
    pthread_mutex_lock(&a->lock);
    write_answer(&a->text, reply, error);
    a->is_done = true;
    pthread_cond_signal(&a->done);
    pthread_mutex_unlock(&a->lock);
}

static void submit(struct aws *aws, struct http_multi *multi, const struct aws_request *q,
                   struct buf *out)
{
    struct answer a = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};
    struct aws_error error = {.retry_after_ms = -1};
    buf_init(&a.text, 16 << 20);
    if (aws_submit(aws, multi, q, on_done, &a, &error.err) < 0) {
        write_answer(&a.text, NULL, &error);
        a.is_done = true;
    }
    pthread_mutex_lock(&a.lock);
    while (!a.is_done)
        pthread_cond_wait(&a.done, &a.lock);
    pthread_mutex_unlock(&a.lock);
    buf_add(out, a.text.data, a.text.len);
    buf_release(&a.text);
}

static void call(struct aws *aws, struct http_client *client, const struct aws_request *q,
                 struct buf *out)
{
    struct aws_reply reply;
    struct aws_error error;
    aws_reply_init(&reply);
    if (aws_call(aws, client, q, &reply, &error) == 0)
        write_answer(out, &reply, NULL);
    else
        write_answer(out, NULL, &error);
    aws_reply_release(&reply);
}

static void presign(struct aws *aws, const struct aws_request *q, struct buf *out)
{
    struct aws_error error;
    struct writer w;
    struct buf url;
    buf_init(&url, 8192);
    writer_init(&w, out);
    if (aws_presign(aws, q, 60, &url, &error) < 0) {
        write_answer(out, NULL, &error);
    } else {
        writer_object(&w);
        writer_kv_bool(&w, "ok", true);
        writer_kv_string(&w, "url", url.data);
        writer_end(&w);
    }
    buf_release(&url);
}

static void answer(struct aws *aws, struct http_client *client, struct http_multi *multi,
                   const struct node *n)
{
    const char *body = node_get_string(n, "body");
    const struct node *headers = node_get(n, "headers");
    const char *lines[AWS_HEADERS_MAX];
    struct aws_role role = {.arn = node_get_string(n, "role"),
                            .external_id = node_get_string(n, "external_id"),
                            .session_name = node_get_string(n, "session_name")};
    struct aws_request q = {
        .service = node_get_string(n, "service"),
        .region = node_get_string(n, "region"),
        .operation = node_get_string(n, "operation"),
        .method = node_get_string(n, "method"),
        .path = node_get_string(n, "path"),
        .query = node_get_string(n, "query"),
        .role = role.arn ? &role : NULL,
        .headers = lines,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .timeout_ms = (int)node_get_number(n, "timeout_ms", 90000),
        .attempt_timeout_ms = (int)node_get_number(n, "attempt_timeout_ms", 30000),
        .max_attempts = (int)node_get_number(n, "max_attempts", 0),
    };
    struct buf out;
    for (const struct node *h = headers ? headers->first : NULL; h; h = h->next)
        lines[q.header_count++] = h->text;
    buf_init(&out, 32 << 20);
    if (node_get_bool(n, "presign", false))
        presign(aws, &q, &out);
    else if (node_get_bool(n, "async", false))
        submit(aws, multi, &q, &out);
    else
        call(aws, client, &q, &out);
    printf("%s\n", out.data);
    fflush(stdout);
    buf_release(&out);
}

static int filter(void)
{
    struct err err = {0};
    struct aws *aws = aws_open(&(struct aws_config){.profile = getenv("TEST_PROFILE")}, &err);
    struct http_client *client = http_client_new();
    struct http_multi *multi = http_multi_new("test");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    if (!aws) {
        struct aws_error error = {.err = err};
        struct buf out;
        buf_init(&out, 8192);
        write_answer(&out, NULL, &error);
        printf("%s\n", out.data);
        buf_release(&out);
    }
    while (aws && (len = getline(&line, &cap, stdin)) > 0) {
        struct arena a;
        struct node *n;
        arena_init(&a);
        n = node_read_json(&a, line, (size_t)len, &err);
        BUG_ON(!n);
        answer(aws, client, multi, n);
        arena_release(&a);
    }
    free(line);
    aws_close(aws);
    http_multi_free(multi);
    http_client_free(client);
    return 0;
}

/* --- Tests --- */

static void writes_forms(void)
{
    struct buf form;
    buf_init(&form, 1024);
    aws_form_add(&form, "Name", "a b&c=\xc3\xa9");
    aws_form_add_member(&form, "Names.member", 2, "", "x");
    aws_form_add_member(&form, "Filters.member", 1, "Value", "true");
    T_EQ_STR(form.data, "Name=a%20b%26c%3D%C3%A9&Names.member.2=x&Filters.member.1.Value=true");
    buf_release(&form);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"writes_forms", writes_forms},
    };
    if (argc == 2 && !strcmp(argv[1], "--stdin"))
        return filter();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
