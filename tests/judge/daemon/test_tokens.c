/*
 * Tokens: made, checked, revoked, limited to services; the admin's file.
 */
#include "judge/daemon/tokens.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto/digest.h"
#include "lib/crypto/secret.h"
#include "tests/lib/store/store_helper.h"

static struct bench bench;
static const struct wall now = {1795400000000000};

static int ask(struct tokens *t, const char *text, struct wall at, struct principal *p,
               struct err *err)
{
    return tokens_check(t, text, strlen(text), at, p, err);
}

static void made_checked_and_revoked(void)
{
    struct tokens *t = tokens_new();
    char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES];
    struct principal p;
    struct err err = {0};
    struct arena a;
    struct token_record *all;
    size_t n;
    arena_init(&a);
    const struct token_wanted wanted = {.name = "ci",
                                        .scopes = SCOPE_READ | SCOPE_INGEST,
                                        .services = "shop,search",
                                        .created = now,
                                        .expires = {now.us + 1000}};
    T_OK(tokens_make(t, bench.store, &wanted, text, &err), err);
    T_OK(tokens_make(t, bench.store, &wanted, other, &err), err);
    T_CHECK(strncmp(text, "jt_", 3) == 0 && strcmp(text, other) != 0);
    T_OK(ask(t, text, now, &p, &err), err);
    T_EQ_STR(p.name, "ci");
    T_CHECK(principal_has(&p, SCOPE_READ) && !principal_has(&p, SCOPE_APPLY));
    T_CHECK(principal_may_touch(&p, "search") && !principal_may_touch(&p, "other"));
    /* Unknown and expired get the same answer. */
    struct err unknown = {0}, expired = {0};
    T_EQ_INT(ask(t, "jt_unknown", now, &p, &unknown), -1);
    T_EQ_INT(ask(t, text, (struct wall){now.us + 1000}, &p, &expired), -1);
    T_EQ_INT(unknown.code, ERR_AUTH);
    T_EQ_STR(unknown.message, expired.message);
    T_CHECK(!strstr(unknown.message, "jt_unknown"));
    /* Only a hash is kept, and its first digits are the public id. */
    T_OK(store_tokens(bench.store, &all, &n, &a, &err), err);
    for (size_t i = 0; i < n; i++)
        T_CHECK(!strstr(all[i].hash, text + 3) && strncmp(all[i].id, all[i].hash, 16) == 0);
    for (size_t i = 0; i < n; i++)
        T_OK(store_token_revoke(bench.store, all[i].id, &err), err);
    T_OK(ask(t, text, now, &p, &err), err); /* until the next look at the store */
    T_OK(tokens_refresh(t, bench.store, &err), err);
    T_EQ_INT(ask(t, text, now, &p, &err), -1);
    tokens_free(t);
    arena_release(&a);
}

static void services_a_token_can_carry(void)
{
    static const struct {
        int line;
        const char *services;
        bool is_taken;
    } cases[] = {
        {__LINE__, "", true},    {__LINE__, "a", true},    {__LINE__, "a,b-2", true},
        {__LINE__, "a,", false}, {__LINE__, ",", false},   {__LINE__, "a, b", false},
        {__LINE__, "A", false},  {__LINE__, "a.b", false}, {__LINE__, "a,,b", false},
    };
    char many[256] = "";
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if ((tokens_check_services(cases[i].services, &err) == 0) != cases[i].is_taken)
            t_fail(__FILE__, cases[i].line, "\"%s\"", cases[i].services);
    for (size_t i = 0; i < AUTH_SERVICES_MAX + 1; i++)
        memcpy(many + 2 * i, "a,", 2);
    many[2 * AUTH_SERVICES_MAX + 1] = 0;
    T_EQ_INT(tokens_check_services(many, &err), -1);
    many[2 * AUTH_SERVICES_MAX - 1] = 0;
    T_OK(tokens_check_services(many, &err), err);
}

/* A stored token whose list of services cannot be read may do nothing, rather than everything. */
static void an_unreadable_list_gives_no_right(void)
{
    struct tokens *t = tokens_new();
    struct principal p;
    struct err err = {0};
    char hash[DIGEST_HEX_BYTES], name[AUTH_SERVICE_BYTES + 1];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    digest_sha256_hex("jt_long", 7, hash);
    const struct token_record record = {.id = "0123456789abcdef",
                                        .hash = hash,
                                        .name = "long",
                                        .scopes = SCOPE_ADMIN,
                                        .services = name,
                                        .created = now};
    T_OK(store_token_add(bench.store, &record, &err), err);
    T_OK(tokens_refresh(t, bench.store, &err), err);
    T_EQ_INT(ask(t, "jt_long", now, &p, &err), -1);
    tokens_free(t);
}

static void the_admins_file(void)
{
    struct tokens *t = tokens_new();
    struct principal p;
    struct err err = {0};
    struct secret first, second;
    struct stat st;
    char path[512];
    secret_init(&first);
    secret_init(&second);
    snprintf(path, sizeof(path), "%s/admin.token", t_tmpdir());
    T_OK(tokens_ensure_admin(t, bench.store, t_tmpdir(), &err), err);
    T_OK(stat(path, &st), err);
    T_EQ_INT(st.st_mode & 0777, 0600);
    T_OK(secret_load_file(&first, path, &err), err);
    T_OK(ask(t, secret_bytes(&first), wall_now(), &p, &err), err);
    T_CHECK(principal_has(&p, SCOPE_ADMIN) && p.service_count == 0);
    T_OK(tokens_ensure_admin(t, bench.store, t_tmpdir(), &err), err); /* kept */
    T_OK(secret_load_file(&second, path, &err), err);
    T_CHECK(secret_equals(&first, secret_bytes(&second), second.len));
    T_OK(unlink(path), err);
    T_OK(tokens_ensure_admin(t, bench.store, t_tmpdir(), &err), err); /* made anew */
    T_OK(secret_load_file(&second, path, &err), err);
    T_CHECK(!secret_equals(&first, secret_bytes(&second), second.len));
    T_OK(ask(t, secret_bytes(&first), wall_now(), &p, &err), err); /* and the old one is good */
    secret_release(&first);
    secret_release(&second);
    tokens_free(t);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"made_checked_and_revoked", made_checked_and_revoked},
        {"services_a_token_can_carry", services_a_token_can_carry},
        {"an_unreadable_list_gives_no_right", an_unreadable_list_gives_no_right},
        {"the_admins_file", the_admins_file},
    };
    if (!bench_open(&bench, "tokens", false))
        return 1;
    const int rc = t_main(argc, argv, tests, ARRAY_LEN(tests));
    bench_close(&bench);
    return rc;
}
