#include "lib/net/auth.h"

#include "lib/net/backoff.h"
#include "lib/net/limits.h"
#include "tests/t.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static void scopes_read_and_write(void)
{
    struct err err = {0};
    struct buf out;
    unsigned scopes = 0;
    buf_init(&out, 256);
    T_OK(auth_scopes_parse("ingest, read decide", &scopes, &err), err);
    T_EQ_INT(scopes, SCOPE_INGEST | SCOPE_READ | SCOPE_DECIDE);
    auth_scopes_format(scopes, &out);
    T_EQ_STR(out.data, "ingest,read,decide");
    T_CHECK(auth_scopes_parse("read,rea", &scopes, &err) < 0);
    T_HAS_STR(err.message, "\"rea\"");
    T_CHECK(auth_scopes_parse(" ", &scopes, &err) < 0);
    buf_release(&out);
}

static void principals_have_scopes_and_services(void)
{
    struct principal p;
    principal_init(&p, "ci", SCOPE_READ | SCOPE_APPLY);
    T_CHECK(principal_has(&p, SCOPE_READ));
    T_CHECK(principal_has(&p, SCOPE_DECIDE | SCOPE_APPLY));
    T_CHECK(!principal_has(&p, SCOPE_DECIDE));
    T_CHECK(principal_may_touch(&p, "anything"));
    T_CHECK(principal_add_service(&p, "checkout"));
    T_CHECK(principal_may_touch(&p, "checkout"));
    T_CHECK(!principal_may_touch(&p, "checkout2"));
    T_CHECK(!principal_may_touch(&p, ""));
    for (int i = 1; i < AUTH_SERVICES_MAX; i++)
        T_CHECK(principal_add_service(&p, "more"));
    T_CHECK(!principal_add_service(&p, "one too many"));
    principal_init(&p, "root", SCOPE_ADMIN);
    T_CHECK(principal_has(&p, SCOPE_OVERRIDE));
    principal_init(&p, "none", 0);
    T_CHECK(!principal_has(&p, SCOPE_READ | SCOPE_INGEST));
}

static uint64_t key_of(const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        return backoff_key((struct sockaddr *)&in);
    inet_pton(AF_INET6, address, &in6.sin6_addr);
    return backoff_key((struct sockaddr *)&in6);
}

static void wrong_credentials_cost_time(void)
{
    struct backoff *b = backoff_new();
    struct mono now = {1000 * US_PER_SECOND};
    uint64_t key = key_of("192.0.2.7");
    static const int want[] = {1, 2, 4, 8, 16, 32, 60, 60};
    T_CHECK(key != 0);
    for (int i = 0; i < BACKOFF_FREE_FAILURES; i++) {
        backoff_failed(b, key, now);
        T_EQ_INT(backoff_wait_s(b, key, now), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        backoff_failed(b, key, now);
        T_EQ_INT(backoff_wait_s(b, key, now), want[i]);
        T_EQ_INT(backoff_wait_s(b, key_of("192.0.2.8"), now), 0);
        now = mono_add_ms(now, want[i] * 1000 - 1);
        T_EQ_INT(backoff_wait_s(b, key, now), 1);
        now = mono_add_ms(now, 1);
        T_EQ_INT(backoff_wait_s(b, key, now), 0);
    }
    backoff_succeeded(b, key);
    backoff_failed(b, key, now);
    T_EQ_INT(backoff_wait_s(b, key, now), 0); /* forgotten */
    for (int i = 0; i < 10; i++)
        backoff_failed(b, key, now);
    T_CHECK(backoff_wait_s(b, key, now) > 1);
    now = mono_add_ms(now, 121000);
    T_EQ_INT(backoff_wait_s(b, key, now), 0);
    backoff_failed(b, key, now);
    T_EQ_INT(backoff_wait_s(b, key, now), 0); /* forgotten by time */
    backoff_free(b);
}

static void addresses_that_count_as_one(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct backoff *b = backoff_new();
    struct mono now = {US_PER_SECOND};
    T_EQ_INT(key_of("127.0.0.1"), 0);
    T_EQ_INT(key_of("::1"), 0);
    T_EQ_INT(key_of("::ffff:127.0.0.1"), 0);
    T_EQ_INT(backoff_key((struct sockaddr *)&un), 0);
    T_CHECK(key_of("2001:db8::1") == key_of("2001:db8::ffff:2"));
    T_CHECK(key_of("2001:db8::1") != key_of("2001:db8:0:1::1"));
    T_CHECK(key_of("192.0.2.1") == key_of("::ffff:192.0.2.1"));
    for (int i = 0; i < 50; i++)
        backoff_failed(b, 0, now);
    T_EQ_INT(backoff_wait_s(b, 0, now), 0);
    backoff_free(b);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"scopes_read_and_write", scopes_read_and_write},
        {"principals_have_scopes_and_services", principals_have_scopes_and_services},
        {"wrong_credentials_cost_time", wrong_credentials_cost_time},
        {"addresses_that_count_as_one", addresses_that_count_as_one},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
