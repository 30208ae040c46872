/*
 * AWS's own signing cases (read from JUDGE_GOLDEN), and a filter for comparing with botocore:
 * `test_sigv4 --stdin` reads a JSON request a line and prints its signature (test_aws_sigv4.py).
 */
#include "tests/t.h"

#include "lib/aws/sigv4.h"
#include "lib/base/arena.h"
#include "lib/base/node.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define CASES_MIN 38

static char *read_text(struct arena *a, const char *folder, const char *name)
{
    char *text = arena_alloc(a, 65536);
    FILE *f = fopen(arena_printf(a, "%s/%s", folder, name), "r");
    size_t len;
    if (!f)
        return NULL;
    len = fread(text, 1, 65535, f);
    fclose(f);
    text[len] = '\0';
    return text;
}

struct wanted {
    struct sigv4_request q;
    struct sigv4_key key;
    struct secret secret, token;
    const char *headers[32];
    int expires_s;
};

/* request.txt: a request line, headers (a folded one goes on in the next line), a body. */
static void read_request(struct arena *a, char *text, struct wanted *w)
{
    char *line = text, *end = strchr(text, '\n'), *space;
    if (end)
        *end = '\0';
    space = strchr(line, ' ');
    *space = '\0';
    w->q.method = line;
    w->q.path = space + 1;
    *strstr(space + 1, " HTTP/1.1") = '\0';
    space = strchr(space + 1, '?');
    if (space) {
        *space = '\0';
        w->q.query = space + 1;
    }
    for (line = end ? end + 1 : NULL; line && *line && *line != '\n'; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        while (end && (end[1] == ' ' || end[1] == '\t'))
            end = strchr(end + 1, '\n');
        if (end)
            *end = '\0';
        w->headers[w->q.header_count++] = line;
    }
    w->q.headers = w->headers;
    if (line && *line == '\n') {
        w->q.body = line + 1;
        w->q.body_len = strlen(line + 1);
    }
}

static void read_context(const struct node *n, struct wanted *w)
{
    const struct node *credentials = node_get(n, "credentials");
    const char *secret = node_get_string(credentials, "secret_access_key");
    const char *token = node_get_string(credentials, "token");
    secret_init(&w->secret);
    secret_init(&w->token);
    secret_set(&w->secret, secret, strlen(secret));
    if (token)
        secret_set(&w->token, token, strlen(token));
    w->key = (struct sigv4_key){.access_key = node_get_string(credentials, "access_key_id"),
                                .secret = &w->secret,
                                .token = &w->token};
    w->q.service = node_get_string(n, "service");
    w->q.region = node_get_string(n, "region");
    T_CHECK(wall_parse(node_get_string(n, "timestamp"), &w->q.now) == 0);
    w->q.is_path_kept = !node_get_bool(n, "normalize", true);
    w->q.is_payload_header_sent = node_get_bool(n, "sign_body", false);
    w->q.is_token_unsigned = node_get_bool(n, "omit_session_token", false);
    w->expires_s = (int)node_get_number(n, "expiration_in_seconds", 3600);
}

static const char *after(const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    return at ? at + strlen(mark) : "";
}

static void check_case(const char *folder)
{
    struct arena a;
    struct err err;
    struct wanted w = {0};
    struct buf lines, query, canonical;
    char *context, *request;
    arena_init(&a);
    buf_init(&lines, 1 << 16);
    buf_init(&query, 1 << 16);
    buf_init(&canonical, 1 << 16);
    context = read_text(&a, folder, "context.json");
    request = read_text(&a, folder, "request.txt");
    T_CHECK(context && request);
    read_request(&a, request, &w);
    read_context(node_read_json(&a, context, strlen(context), &err), &w);
    w.q.canonical = &canonical;
    T_OK(sigv4_sign_headers(&w.q, &w.key, &lines, &err), err);
    T_EQ_STR(canonical.data, read_text(&a, folder, "header-canonical-request.txt"));
    T_EQ_INT(
        strncmp(after(lines.data, "Signature="), read_text(&a, folder, "header-signature.txt"), 64),
        0);
    buf_clear(&canonical);
    w.q.is_payload_header_sent = false;
    T_OK(sigv4_sign_query(&w.q, &w.key, w.expires_s, &query, &err), err);
    T_EQ_STR(canonical.data, read_text(&a, folder, "query-canonical-request.txt"));
    T_EQ_STR(after(query.data, "X-Amz-Signature="), read_text(&a, folder, "query-signature.txt"));
    secret_release(&w.secret);
    secret_release(&w.token);
    buf_release(&lines);
    buf_release(&query);
    buf_release(&canonical);
    arena_release(&a);
}

static void official_cases(void)
{
    const char *golden = getenv("JUDGE_GOLDEN");
    char path[1024];
    int n = 0;
    DIR *dir;
    if (!golden) {
        t_skip("JUDGE_GOLDEN is not set: AWS's signing cases stand there");
        return;
    }
    snprintf(path, sizeof(path), "%s/sigv4/v4", golden);
    dir = opendir(path);
    T_CHECK(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/sigv4/v4/%s", golden, e->d_name);
        check_case(path);
        if (t_failed()) {
            printf("in case %s\n", e->d_name);
            break;
        }
        n++;
    }
    closedir(dir);
    T_CHECK(n >= CASES_MIN);
}

/* The example of the AWS General Reference: GET ListUsers of IAM. */
static void example_of_the_reference(void)
{
    static const char *const headers[] = {
        "Host: iam.amazonaws.com",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8"};
    static const char secret_text[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    struct secret secret;
    struct sigv4_key key = {.access_key = "AKIDEXAMPLE", .secret = &secret};
    struct sigv4_request q = {.method = "GET",
                              .path = "/",
                              .query = "Action=ListUsers&Version=2010-05-08",
                              .headers = headers,
                              .header_count = 2,
                              .service = "iam",
                              .region = "us-east-1"};
    struct buf lines;
    struct err err;
    buf_init(&lines, 4096);
    secret_init(&secret);
    secret_set(&secret, secret_text, strlen(secret_text));
    T_CHECK(wall_parse("2015-08-30T12:36:00Z", &q.now) == 0);
    T_OK(sigv4_sign_headers(&q, &key, &lines, &err), err);
    T_HAS_STR(lines.data,
              "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\n");
    secret_release(&secret);
    buf_release(&lines);
}

static void refuses_what_is_no_header(void)
{
    static const char *const headers[] = {"Host"};
    struct secret secret;
    struct sigv4_key key = {.access_key = "A", .secret = &secret};
    struct sigv4_request q = {.method = "GET",
                              .path = "/",
                              .headers = headers,
                              .header_count = 1,
                              .service = "s",
                              .region = "r"};
    struct buf lines;
    struct err err;
    buf_init(&lines, 4096);
    secret_init(&secret);
    T_EQ_INT(sigv4_sign_headers(&q, &key, &lines, &err), -1);
    T_EQ_INT(err.code, ERR_INPUT);
    T_EQ_INT(lines.len, 0);
    secret_release(&secret);
    buf_release(&lines);
}

/* --- The filter --- */

static void answer(struct arena *a, const struct node *n)
{
    struct wanted w = {0};
    struct buf out, canonical;
    struct err err = {0};
    const struct node *headers = node_get(n, "headers");
    const struct node *body = node_get(n, "body");
    int rc;
    buf_init(&out, 1 << 20);
    buf_init(&canonical, 1 << 20);
    read_context(n, &w);
    w.q.method = node_get_string(n, "method");
    w.q.path = node_get_string(n, "path");
    w.q.query = node_get_string(n, "query");
    w.q.body = body->text;
    w.q.body_len = body->text_len;
    w.q.is_path_encoded_once = node_get_bool(n, "s3", false);
    w.q.is_payload_unsigned = node_get_bool(n, "unsigned", false);
    w.q.canonical = &canonical;
    for (const struct node *h = headers->first; h; h = h->next)
        w.headers[w.q.header_count++] = h->text;
    w.q.headers = w.headers;
    if (node_get_bool(n, "in_query", false))
        rc = sigv4_sign_query(&w.q, &w.key, w.expires_s, &out, &err);
    else
        rc = sigv4_sign_headers(&w.q, &w.key, &out, &err);
    for (size_t i = 0; i < canonical.len; i++)
        if (canonical.data[i] == '\n')
            canonical.data[i] = '|';
    for (size_t i = 0; i < out.len; i++)
        if (out.data[i] == '\n')
            out.data[i] = '|';
    printf("%s\t%s\n", rc ? err.message : out.data, canonical.data);
    secret_release(&w.secret);
    secret_release(&w.token);
    buf_release(&out);
    buf_release(&canonical);
}

static int filter(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, stdin)) > 0) {
        struct arena a;
        struct err err;
        struct node *n;
        arena_init(&a);
        n = node_read_json(&a, line, (size_t)len, &err);
        if (n)
            answer(&a, n);
        else
            printf("%s\t\n", err.message);
        arena_release(&a);
    }
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"official_cases", official_cases},
        {"example_of_the_reference", example_of_the_reference},
        {"refuses_what_is_no_header", refuses_what_is_no_header},
    };
    if (argc == 2 && !strcmp(argv[1], "--stdin"))
        return filter();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
