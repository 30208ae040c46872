/*
 * Who may connect: TLS that is verified, ACL users, and what an operator is told when it fails.
 */
#include "lib/redis/redis.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/net/stream.h"
#include "tests/support/certificates.h"
#include "tests/support/redis_fixture.h"
#include "tests/t.h"

struct tls_server {
    struct redis_fixture redis;
    char certificates[300], ca[340], other[340], cert[340], key[340];
    char port[16], url[400];
};

static struct tls_server secure;

static bool start_tls(struct tls_server *s, const char *name, const char *auth_clients)
{
    static char words[2][4][340];
    static const char *extra[2][24];
    int slot = strcmp(auth_clients, "yes") == 0;
    snprintf(s->certificates, sizeof(s->certificates), "%s/certificates", t_tmpdir());
    const char *dir = s->certificates;
    snprintf(s->ca, sizeof(s->ca), "%s/ca.pem", dir);
    snprintf(s->other, sizeof(s->other), "%s/other.pem", dir);
    snprintf(s->cert, sizeof(s->cert), "%s/client.pem", dir);
    snprintf(s->key, sizeof(s->key), "%s/client.key", dir);
    if (access(s->key, R_OK) != 0 && !certificates_make(dir, "DNS:localhost,IP:127.0.0.1"))
        return false;
    snprintf(words[slot][0], 340, "%s/server.pem", dir);
    snprintf(words[slot][1], 340, "%s/server.key", dir);
    snprintf(words[slot][2], 340, "%s", s->ca);
    snprintf(s->port, sizeof(s->port), "%d", redis_fixture_free_port());
    snprintf(words[slot][3], 340, "%s", s->port);
    const char *all[] = {"--bind",
                         "127.0.0.1",
                         "127.0.0.2",
                         "--tls-port",
                         words[slot][3],
                         "--tls-cert-file",
                         words[slot][0],
                         "--tls-key-file",
                         words[slot][1],
                         "--tls-ca-cert-file",
                         words[slot][2],
                         "--tls-auth-clients",
                         slot ? "yes" : "no",
                         NULL};
    memcpy(extra[slot], all, sizeof(all));
    return redis_fixture_start_with(&s->redis, name, false, extra[slot]);
}

static struct redis *open_tls(const struct tls_server *s, const char *host,
                              const struct tls_options *tls, struct err *err)
{
    char url[400];
    snprintf(url, sizeof(url), "rediss://%s:%s/1", host, s->port);
    return redis_open(&(struct redis_config){.url = url, .tls = tls, .first_wait_ms = 1500}, err);
}

static void tls_is_spoken_and_verified(void)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    struct err err;
    for (size_t i = 0; i < 2; i++) {
        struct redis *r =
            open_tls(&secure, hosts[i], &(struct tls_options){.ca_file = secure.ca}, &err);
        if (!r)
            t_fail(__FILE__, __LINE__, "%s: %s", hosts[i], err.message);
        T_CHECK(r);
        /* Larger than one TLS record both ways. */
        char *big = mem_alloc(300000);
        memset(big, 'x', 300000);
        struct redis_batch *b = redis_batch_new();
        redis_command(b, "SET");
        redis_arg_str(b, "big");
        redis_arg(b, big, 300000);
        redis_command_strs(b, "GET", "big", NULL);
        T_OK(redis_call(r, REDIS_MAIN, b, 5000, &err), err);
        T_EQ_INT(redis_reply(b, 1)->len, 300000);
        redis_batch_free(b);
        free(big);
        redis_close(r);
    }
}

static void tls_that_cannot_be_trusted(void)
{
    struct err err;
    T_CHECK(!open_tls(&secure, "localhost", &(struct tls_options){.ca_file = secure.other}, &err));
    T_HAS_STR(err.message, "not trusted");
    T_CHECK(!open_tls(&secure, "localhost", NULL, &err));
    T_HAS_STR(err.message, "not trusted");
    /* The certificate names localhost and 127.0.0.1, not this address. */
    T_CHECK(!open_tls(&secure, "127.0.0.2", &(struct tls_options){.ca_file = secure.ca}, &err));
    T_HAS_STR(err.message, "IP address mismatch");
    T_CHECK(!open_tls(&secure, "localhost", &(struct tls_options){.ca_file = "/no/such"}, &err));
    T_HAS_STR(err.message, "/no/such");
}

static void a_client_certificate(void)
{
    struct tls_server s;
    struct err err;
    T_CHECK(start_tls(&s, "mutual", "yes"));
    T_CHECK(!open_tls(&s, "localhost", &(struct tls_options){.ca_file = s.ca}, &err));
    T_HAS_STR(err.message, "certificate");
    struct redis *r = open_tls(
        &s, "localhost",
        &(struct tls_options){.ca_file = s.ca, .cert_file = s.cert, .key_file = s.key}, &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    redis_close(r);
    redis_fixture_stop(&s.redis);
}

static void plain_and_tls_mixed_up(void)
{
    struct err err;
    char url[400];
    snprintf(url, sizeof(url), "redis://127.0.0.1:%s", secure.port);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 1000}, &err));
    T_HAS_STR(err.message, "rediss://");
    struct redis_fixture plain;
    char port[16];
    snprintf(port, sizeof(port), "%d", redis_fixture_free_port());
    const char *const words[] = {"--bind", "127.0.0.1", "--port", port, NULL};
    T_CHECK(redis_fixture_start_with(&plain, "plain", false, words));
    snprintf(url, sizeof(url), "rediss://127.0.0.1:%s", port);
    T_CHECK(!redis_open(&(struct redis_config){.url = url, .first_wait_ms = 3500}, &err));
    T_HAS_STR(err.message, "TLS");
    redis_fixture_stop(&plain);
}

/* ---- TLS with more than one server ---- */

/* The words of a server that speaks TLS alone; more may follow the first *n. */
static void tls_words(const char *words[32], size_t *n, const char *port, char paths[3][340])
{
    snprintf(paths[0], 340, "%s/server.pem", secure.certificates);
    snprintf(paths[1], 340, "%s/server.key", secure.certificates);
    snprintf(paths[2], 340, "%s/ca.pem", secure.certificates);
    const char *all[] = {"--bind",
                         "127.0.0.1",
                         "--tls-port",
                         port,
                         "--tls-cert-file",
                         paths[0],
                         "--tls-key-file",
                         paths[1],
                         "--tls-ca-cert-file",
                         paths[2],
                         "--tls-auth-clients",
                         "no",
                         "--tls-replication",
                         "yes"};
    memcpy(words, all, sizeof(all));
    *n = sizeof(all) / sizeof(all[0]);
}

static int set_and_get(struct redis *r, struct err *err)
{
    struct redis_batch *b = redis_batch_new();
    redis_command_strs(b, "SET", "judge:tls", "7", NULL);
    redis_command_strs(b, "GET", "judge:tls", NULL);
    int rc = redis_call(r, REDIS_MAIN, b, 5000, err);
    if (rc == 0 && redis_int(redis_reply(b, 1), 0) != 7)
        rc = err_set(err, ERR_CORRUPT, "another value");
    redis_batch_free(b);
    return rc;
}

static void a_cluster_over_tls(void)
{
    struct redis_fixture f;
    struct err err;
    const char *words[32];
    char paths[3][340], port[16], bus[16], url[100], answer[4096] = "";
    size_t n;
    snprintf(port, sizeof(port), "%d", redis_fixture_free_port());
    snprintf(bus, sizeof(bus), "%d", redis_fixture_free_port());
    tls_words(words, &n, port, paths);
    const char *more[] = {
        "--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", bus, NULL};
    memcpy(words + n, more, sizeof(more));
    T_CHECK(redis_fixture_start_with(&f, "tls-cluster", false, words));
    redis_fixture_ask(&f, "CLUSTER ADDSLOTSRANGE 0 16383", answer, sizeof(answer));
    for (int i = 0; i < 200 && !strstr(answer, "cluster_state:ok"); i++)
        redis_fixture_ask(&f, "CLUSTER INFO", answer, sizeof(answer));
    snprintf(url, sizeof(url), "rediss+cluster://localhost:%s", port);
    struct redis *r = redis_open(
        &(struct redis_config){
            .url = url, .tls = &(struct tls_options){.ca_file = secure.ca}, .first_wait_ms = 5000},
        &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(r);
    T_OK(set_and_get(r, &err), err);
    redis_close(r);
    redis_fixture_stop(&f);
}

static void a_sentinel_over_tls(void)
{
    struct redis_fixture master, sentinel;
    struct err err;
    const char *words[32];
    char paths[3][340], port[16], lines[2000], url[100];
    size_t n;
    int at = redis_fixture_free_port();
    snprintf(port, sizeof(port), "%d", redis_fixture_free_port());
    tls_words(words, &n, port, paths);
    words[n] = NULL;
    T_CHECK(redis_fixture_start_with(&master, "tls-master", false, words));
    snprintf(lines, sizeof(lines),
             "bind 127.0.0.1\nport 0\ntls-port %d\ntls-cert-file %s\ntls-key-file %s\n"
             "tls-ca-cert-file %s\ntls-auth-clients no\ntls-replication yes\n"
             "sentinel monitor shop 127.0.0.1 %s 1\n",
             at, paths[0], paths[1], paths[2], port);
    T_CHECK(redis_fixture_start_sentinel(&sentinel, "tls-sentinel", lines));
    snprintf(url, sizeof(url), "rediss+sentinel://127.0.0.1:%d/shop", at);
    struct redis *r = redis_open(
        &(struct redis_config){
            .url = url, .tls = &(struct tls_options){.ca_file = secure.ca}, .first_wait_ms = 5000},
        &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(r);
    T_OK(set_and_get(r, &err), err);
    redis_close(r);
    /* an authority that did not sign the Sentinel's certificate */
    T_CHECK(
        !redis_open(&(struct redis_config){.url = url,
                                           .tls = &(struct tls_options){.ca_file = secure.other},
                                           .first_wait_ms = 1000},
                    &err));
    T_HAS_STR(err.message, "not trusted");
    redis_fixture_stop(&sentinel);
    redis_fixture_stop(&master);
}

/* ---- ACL ---- */

/* The line of docs/redis.md that begins "user judge on". */
static void documented_acl(char *out, size_t size)
{
    static char page[40000];
    int fd = open("docs/redis.md", O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, page, sizeof(page) - 1);
    close(fd);
    page[n > 0 ? n : 0] = '\0';
    const char *at = strstr(page, "\nuser judge on ");
    T_CHECK(at);
    snprintf(out, size, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
}

static struct redis *open_as(const struct redis_fixture *f, const char *user, const char *password,
                             struct err *err)
{
    return redis_open(
        &(struct redis_config){
            .url = f->url, .user = user, .password = password, .first_wait_ms = 2000},
        err);
}

static void acl_users(void)
{
    struct redis_fixture f;
    struct err err;
    char file[300], text[1000];
    snprintf(file, sizeof(file), "%s/users.acl", t_tmpdir());
    documented_acl(text, sizeof(text));
    int fd = open(file, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    T_CHECK(dprintf(fd,
                    "user default off\n%s\n"
                    "user blind on >sesame ~judge:* +@all -info\n"
                    "user reader on >sesame ~judge:* +@read +@connection +info\n",
                    text) > 0);
    close(fd);
    const char *const words[] = {"--aclfile", file, NULL};
    T_CHECK(redis_fixture_start_with(&f, "acl", false, words));
    struct redis *r = open_as(&f, "judge", "sesame", &err);
    if (!r)
        t_fail(__FILE__, __LINE__, "%s", err.message);
    T_CHECK(r);
    static const struct redis_script script = {"touch", "return redis.call('SET', KEYS[1], 'x')"};
    struct redis_batch *b = redis_batch_new();
    redis_eval(b, &script, 1);
    redis_arg_str(b, "judge:x");
    redis_command_strs(b, "XADD", "judge:changes", "*", "a", "b", NULL);
    T_OK(redis_call(r, REDIS_MAIN, b, 2000, &err), err);
    redis_batch_free(b);
    /* other keys are not ours */
    b = redis_batch_new();
    redis_command_strs(b, "GET", "theirs", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 2000, &err), -1);
    T_HAS_STR(err.message, "NOPERM");
    T_HAS_STR(err.message, "docs/redis.md");
    redis_batch_free(b);
    redis_close(r);

    T_CHECK(!open_as(&f, "judge", "wrong", &err));
    T_HAS_STR(err.message, "user \"judge\" and password do not fit");
    T_CHECK(!strstr(err.message, "wrong"));
    T_CHECK(!open_as(&f, NULL, NULL, &err));
    T_HAS_STR(err.message, "wants a password");
    T_CHECK(!open_as(&f, "blind", "sesame", &err));
    T_HAS_STR(err.message, "ACL SETUSER blind +info");
    T_CHECK(!open_as(&f, "judge", NULL, &err));
    T_HAS_STR(err.message, "has no password");
    r = open_as(&f, "reader", "sesame", &err);
    T_CHECK(r);
    b = redis_batch_new();
    redis_command_strs(b, "SET", "judge:x", "y", NULL);
    T_EQ_INT(redis_call(r, REDIS_MAIN, b, 2000, &err), -1);
    T_HAS_STR(err.message, "'set' command");
    redis_batch_free(b);
    redis_close(r);
    redis_fixture_stop(&f);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"tls is spoken and verified", tls_is_spoken_and_verified},
        {"tls that cannot be trusted", tls_that_cannot_be_trusted},
        {"a client certificate", a_client_certificate},
        {"plain and tls mixed up", plain_and_tls_mixed_up},
        {"a cluster over tls", a_cluster_over_tls},
        {"a sentinel over tls", a_sentinel_over_tls},
        {"acl users", acl_users},
    };
    if (!start_tls(&secure, "secure", "no"))
        return 1;
    int rc = t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
    redis_fixture_stop(&secure.redis);
    return rc;
}
