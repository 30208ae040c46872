#include "judge/daemon/tokens.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/crypto/ct.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/secret.h"

#define TOKEN_ID_DIGITS 16

struct known {
    char hash[DIGEST_HEX_BYTES];
    struct principal principal;
    struct wall expires;
};

struct tokens {
    pthread_rwlock_t lock;
    struct known *known;
    size_t n;
};

struct tokens *tokens_new(void)
{
    struct tokens *t = mem_alloc(sizeof(*t));
    pthread_rwlock_init(&t->lock, NULL);
    return t;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    free(t->known);
    pthread_rwlock_destroy(&t->lock);
    free(t);
}

/* "checkout,search" into the principal. false when it does not fit: then the token may do nothing.
 */
static bool read_services(struct principal *p, const char *services)
{
    while (*services) {
        const size_t len = strcspn(services, ",");
        char one[AUTH_SERVICE_BYTES];
        if (len >= sizeof(one))
            return false;
        memcpy(one, services, len);
        one[len] = 0;
        if (!principal_add_service(p, one))
            return false;
        services += len + (services[len] == ',');
    }
    return true;
}

int tokens_check_services(const char *services, struct err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    struct principal p;
    principal_init(&p, "", 0);
    for (const char *at = services; *services && at; at = strchr(at, ',')) {
        at += *at == ',';
        const size_t len = strcspn(at, ",");
        if (len == 0 || strspn(at, letters) < len)
            return err_set(err, ERR_INPUT,
                           "services: want names of a-z, 0-9 and - with commas between");
    }
    if (!read_services(&p, services))
        return err_set(err, ERR_INPUT, "services: want at most %d names of at most %d characters",
                       AUTH_SERVICES_MAX, AUTH_SERVICE_BYTES - 1);
    return 0;
}

int tokens_refresh(struct tokens *t, struct store *store, struct err *err)
{
    struct arena a;
    struct token_record *records;
    size_t n, kept = 0;
    arena_init(&a);
    if (store_tokens(store, &records, &n, &a, err) != 0) {
        arena_release(&a);
        return -1;
    }
    struct known *fresh = mem_alloc_array(n ? n : 1, sizeof(*fresh));
    for (size_t i = 0; i < n; i++) {
        struct known *k = &fresh[kept];
        snprintf(k->hash, sizeof(k->hash), "%s", records[i].hash);
        principal_init(&k->principal, records[i].name, records[i].scopes);
        snprintf(k->principal.id, sizeof(k->principal.id), "%s", records[i].id);
        k->expires = records[i].expires;
        if (read_services(&k->principal, records[i].services))
            kept++;
        else
            log_warn("tokens", "token %s: its list of services cannot be read; not accepted",
                     records[i].id);
    }
    pthread_rwlock_wrlock(&t->lock);
    struct known *old = t->known;
    t->known = fresh;
    t->n = kept;
    pthread_rwlock_unlock(&t->lock);
    free(old);
    arena_release(&a);
    return 0;
}

int tokens_check(struct tokens *t, const char *text, size_t len, struct wall now,
                 struct principal *out, struct err *err)
{
    char hash[DIGEST_HEX_BYTES];
    bool is_known = false;
    digest_sha256_hex(text, len, hash);
    pthread_rwlock_rdlock(&t->lock);
    for (size_t i = 0; i < t->n; i++) {
        const struct known *k = &t->known[i];
        if (!ct_equal(hash, strlen(hash), k->hash, strlen(k->hash)))
            continue;
        if (k->expires.us == 0 || now.us < k->expires.us) {
            *out = k->principal;
            is_known = true;
        }
    }
    pthread_rwlock_unlock(&t->lock);
    if (!is_known)
        return err_set(err, ERR_AUTH, "this token is not known, was revoked or has expired");
    return 0;
}

bool tokens_hold(struct tokens *t, const char *id, struct wall now)
{
    bool is_good = false;
    pthread_rwlock_rdlock(&t->lock);
    for (size_t i = 0; i < t->n && !is_good; i++)
        is_good = strcmp(t->known[i].principal.id, id) == 0 &&
                  (t->known[i].expires.us == 0 || now.us < t->known[i].expires.us);
    pthread_rwlock_unlock(&t->lock);
    return is_good;
}

int tokens_make(struct tokens *t, struct store *store, const struct token_wanted *wanted,
                char text[TOKEN_TEXT_BYTES], struct err *err)
{
    char hash[DIGEST_HEX_BYTES], id[TOKEN_ID_DIGITS + 1];
    random_token(text);
    digest_sha256_hex(text, strlen(text), hash);
    snprintf(id, sizeof(id), "%.*s", TOKEN_ID_DIGITS, hash);
    const struct token_record record = {
        .id = id,
        .hash = hash,
        .name = wanted->name,
        .scopes = wanted->scopes,
        .services = wanted->services,
        .created = wanted->created,
        .expires = wanted->expires,
    };
    if (store_token_add(store, &record, err) != 0)
        return -1;
    return tokens_refresh(t, store, err);
}

int tokens_ensure_admin(struct tokens *t, struct store *store, const char *state_dir,
                        struct err *err)
{
    char path[4096], text[TOKEN_TEXT_BYTES];
    struct secret secret;
    struct err ignored = {0};
    struct principal p;
    int rc = -1;
    snprintf(path, sizeof(path), "%s/admin.token", state_dir);
    secret_init(&secret);
    if (tokens_refresh(t, store, err) != 0)
        goto out;
    if (secret_load_file(&secret, path, &ignored) == 0 &&
        tokens_check(t, secret_bytes(&secret), strlen(secret_bytes(&secret)), wall_now(), &p,
                     &ignored) == 0) {
        rc = 0;
        goto out;
    }
    const struct token_wanted admin = {
        .name = "admin", .scopes = SCOPE_ADMIN, .services = "", .created = wall_now()};
    if (tokens_make(t, store, &admin, text, err) != 0)
        goto out;
    secret_set(&secret, text, strlen(text));
    secret_wipe(text, sizeof(text));
    if (secret_save_file(&secret, path, err) != 0)
        goto out;
    log_info("tokens", "an admin token is in %s", path);
    rc = 0;
out:
    secret_release(&secret);
    return rc;
}
