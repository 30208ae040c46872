/*
 * The credentials thread. It alone fetches, one at a time: who waits for credentials marks the
 * identity as wanted and sleeps, or leaves a submission in its list. What it gets is published as
 * a snapshot that never changes; who holds one keeps it by its count.
 *
 * Renewal begins ahead (credentials_renew_at). When it fails the old credentials go on being used
 * until they expire, and it is tried again after a pause that doubles. Without any, whoever asks
 * within the pause gets the last failure at once.
 */
#include "lib/aws/aws_priv.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>

/* --- The table, under the lock --- */

static struct identity *add_identity(struct aws *a, char *key, const struct aws_role *role)
{
    struct identity *id = mem_alloc(sizeof(*id));
    struct identity **at = &a->identities;
    id->key = key;
    if (role) {
        id->arn = mem_strdup(role->arn);
        id->external_id = role->external_id ? mem_strdup(role->external_id) : NULL;
        id->session_name = mem_strdup(role->session_name ? role->session_name : SESSION_NAME);
    }
    while (*at)
        at = &(*at)->next;
    *at = id;
    a->identity_count++;
    return id;
}

static void free_identity(struct identity *id)
{
    credentials_unref(id->now);
    free(id->key);
    free(id->arn);
    free(id->external_id);
    free(id->session_name);
    free(id);
}

static bool is_valid(struct aws *a, const struct identity *id)
{
    return id->now && !credentials_are_expired(id->now, aws_now(a));
}

/* Room for a new role: one that nobody holds and whose credentials are gone makes place. */
static bool make_room(struct aws *a)
{
    if (a->identity_count <= AWS_ROLES_MAX)
        return true;
    for (struct identity *before = a->identities; before && before->next; before = before->next) {
        struct identity *id = before->next;
        if (id->users || is_valid(a, id))
            continue;
        before->next = id->next;
        a->identity_count--;
        free_identity(id);
        return true;
    }
    return false;
}

static char *key_of(const struct aws_role *role)
{
    struct buf key;
    buf_init(&key, 8192);
    if (role)
        buf_addf(&key, "%s\n%s\n%s", role->arn, role->external_id ? role->external_id : "",
                 role->session_name ? role->session_name : SESSION_NAME);
    return buf_detach(&key, NULL);
}

struct identity *identity_get(struct aws *a, const struct aws_role *role, struct err *err)
{
    char *key = key_of(role);
    struct identity *id;
    pthread_mutex_lock(&a->lock);
    for (id = a->identities; id && strcmp(id->key, key) != 0; id = id->next)
        ;
    if (id) {
        free(key);
    } else if (make_room(a)) {
        id = add_identity(a, key, role);
    } else {
        err_set(err, ERR_LIMIT, "more than %d roles are in use", AWS_ROLES_MAX);
        free(key);
    }
    if (id)
        id->users++;
    pthread_mutex_unlock(&a->lock);
    return id;
}

void identity_put(struct aws *a, struct identity *id)
{
    pthread_mutex_lock(&a->lock);
    BUG_ON(!id->users);
    id->users--;
    pthread_mutex_unlock(&a->lock);
}

/* --- Asking, under the lock --- */

static int try_region(struct aws *a, bool needs_region, char *region, struct err *err)
{
    if (!needs_region)
        return 0;
    if (a->region_state == REGION_NONE)
        return err_set(err, ERR_INPUT,
                       "no AWS region is set: name one in the spec, in AWS_REGION or in profile %s",
                       a->settings.profile);
    if (a->region_state == REGION_KNOWN) {
        memcpy(region, a->region, AWS_REGION_BYTES);
        return 0;
    }
    a->region_state = REGION_WANTED;
    return 1;
}

static int try_locked(struct aws *a, struct identity *id, bool needs_region,
                      struct credentials **out, char *region, struct err *err)
{
    int rc;
    if (a->is_closing)
        return err_set(err, ERR_UNAVAILABLE, "stopping");
    rc = try_region(a, needs_region, region, err);
    if (rc < 0)
        return -1;
    id->is_used = true;
    if (is_valid(a, id)) {
        if (rc == 0)
            *out = credentials_ref(id->now);
    } else if (id->failure.code && !mono_passed(mono_now(), id->next_try)) {
        if (err)
            *err = id->failure;
        return -1;
    } else {
        id->is_wanted = true;
        rc = 1;
    }
    if (rc)
        pthread_cond_signal(&a->work);
    return rc;
}

int identity_try(struct aws *a, struct identity *id, bool needs_region, struct submission *wait,
                 struct credentials **out, char region[AWS_REGION_BYTES], struct err *err)
{
    int rc;
    pthread_mutex_lock(&a->lock);
    rc = try_locked(a, id, needs_region, out, region, err);
    if (rc == 1 && a->waiting == AWS_WAITING_MAX) {
        aws_count(AWS_COUNT_REFUSED);
        rc =
            err_set(err, ERR_LIMIT, "more than %d calls wait for AWS credentials", AWS_WAITING_MAX);
    } else if (rc == 1) {
        a->waiting++;
        *submission_next(wait) = NULL;
        if (id->last_waiting)
            *submission_next(id->last_waiting) = wait;
        else
            id->first_waiting = wait;
        id->last_waiting = wait;
    }
    pthread_mutex_unlock(&a->lock);
    return rc;
}

int identity_wait(struct aws *a, struct identity *id, bool needs_region, struct mono deadline,
                  struct credentials **out, char region[AWS_REGION_BYTES], struct err *err)
{
    struct timespec at = {.tv_sec = deadline.us / US_PER_SECOND,
                          .tv_nsec = deadline.us % US_PER_SECOND * 1000};
    int rc;
    pthread_mutex_lock(&a->lock);
    while ((rc = try_locked(a, id, needs_region, out, region, err)) == 1) {
        if (mono_passed(mono_now(), deadline)) {
            rc = err_set(err, ERR_TIMEOUT, "credentials for AWS did not come in time");
            break;
        }
        pthread_cond_timedwait(&a->changed, &a->lock, &at);
    }
    pthread_mutex_unlock(&a->lock);
    return rc;
}

void identity_forget(struct aws *a, struct identity *id, const struct credentials *expired)
{
    pthread_mutex_lock(&a->lock);
    if (id->now == expired) {
        credentials_unref(id->now);
        id->now = NULL;
        id->failure = (struct err){0};
    }
    pthread_mutex_unlock(&a->lock);
}

/* --- The thread --- */

static int pause_ms(int failures)
{
    int ms = failures < 8 ? AWS_RENEW_PAUSE_MS << failures : AWS_RENEW_PAUSE_MAX_MS;
    return ms < AWS_RENEW_PAUSE_MAX_MS ? ms : AWS_RENEW_PAUSE_MAX_MS;
}

/* Our clock may be wrong, and a metadata service in trouble gives what it has: AWS alone knows. */
static void mend_expiry(struct aws *a, struct credentials *got)
{
    struct wall now = aws_now(a);
    if (!credentials_are_expired(got, now))
        return;
    got->expires = wall_add_ms(now, AWS_STALE_MS);
    log_warn("aws", "credentials: what came has expired by our clock; used all the same");
}

static void publish(struct aws *a, struct identity *id, struct credentials *got,
                    const struct err *failure)
{
    struct mono now = mono_now();
    id->is_wanted = false; /* who asked meanwhile is served by this, too */
    if (got) {
        mend_expiry(a, got);
        credentials_unref(id->now);
        id->now = got;
        id->failure = (struct err){0};
        id->failures = 0;
        id->is_used = false;
        id->next_try = (struct mono){INT64_MAX};
        if (got->expires.us)
            id->next_try = (struct mono){now.us + credentials_renew_at(got).us - aws_now(a).us};
        aws_count(AWS_COUNT_RENEWED);
        return;
    }
    id->failure = *failure;
    id->next_try = mono_add_ms(now, pause_ms(id->failures++));
    aws_count(AWS_COUNT_NOT_RENEWED);
    if (!a->stop)
        log_warn("aws", "credentials: %s%s", failure->message,
                 is_valid(a, id) ? "; the old ones are still valid and used" : "");
}

/* Tells who waits; the lock is given up meanwhile, the identity held. */
static void tell_waiting(struct aws *a, struct identity *id)
{
    struct submission *s = id->first_waiting;
    id->first_waiting = id->last_waiting = NULL;
    id->users++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    while (s) {
        struct submission *next = *submission_next(s);
        pthread_mutex_lock(&a->lock);
        a->waiting--;
        pthread_mutex_unlock(&a->lock);
        submission_go(s, false);
        s = next;
    }
    pthread_mutex_lock(&a->lock);
    id->users--;
}

/* What follows fetches without the lock. */
static void fetch_ourselves(struct aws *a, struct http_client *client)
{
    struct identity *own = a->identities;
    struct err err = {0};
    struct credentials *got;
    own->is_wanted = false;
    pthread_mutex_unlock(&a->lock);
    got = fetch_own(a, client, &err);
    pthread_mutex_lock(&a->lock);
    publish(a, own, got, &err);
}

static void fetch_region(struct aws *a, struct http_client *client)
{
    char region[AWS_REGION_BYTES];
    struct err err = {0};
    int rc;
    pthread_mutex_unlock(&a->lock);
    rc = fetch_instance_region(a, client, region, &err);
    pthread_mutex_lock(&a->lock);
    a->region_state = rc == 0 ? REGION_KNOWN : REGION_NONE;
    if (rc == 0)
        memcpy(a->region, region, sizeof(region));
}

static void fetch_other(struct aws *a, struct identity *id, struct http_client *client)
{
    struct identity *own = a->identities;
    struct err err = {0};
    struct credentials *with, *got = NULL;
    struct chain_role role = {
        .arn = id->arn, .external_id = id->external_id, .session_name = id->session_name};
    id->is_wanted = false;
    if (!is_valid(a, own) && (!own->failure.code || mono_passed(mono_now(), own->next_try)))
        fetch_ourselves(a, client);
    own->is_used = true;
    with = is_valid(a, own) ? credentials_ref(own->now) : NULL;
    if (!with)
        err = own->failure;
    pthread_mutex_unlock(&a->lock);
    if (with)
        got = fetch_role(a, client, &role, with, &err);
    credentials_unref(with);
    pthread_mutex_lock(&a->lock);
    publish(a, id, got, &err);
}

/* Is it time to fetch? For who waits, when the pause is over; else for renewal, when it is used. */
static bool is_due(struct aws *a, const struct identity *id, struct mono now)
{
    if (!is_valid(a, id))
        return id->is_wanted && (!id->failure.code || mono_passed(now, id->next_try));
    return id->is_used && mono_passed(now, id->next_try);
}

/* The identity to fetch now, or NULL and until when to sleep. */
static struct identity *find_due(struct aws *a, struct mono *until)
{
    struct mono now = mono_now();
    *until = mono_add_ms(now, 60000);
    for (struct identity *id = a->identities; id; id = id->next) {
        if (is_due(a, id, now))
            return id;
        if (!mono_passed(now, id->next_try) && id->next_try.us < until->us)
            *until = id->next_try;
    }
    return NULL;
}

static void *run(void *arg)
{
    struct aws *a = arg;
    struct http_client *client = http_client_new();
    pthread_mutex_lock(&a->lock);
    while (!a->is_closing) {
        struct mono until;
        struct identity *id;
        if (a->region_state == REGION_WANTED) {
            fetch_region(a, client);
            for (id = a->identities; id; id = id->next)
                if (id->first_waiting)
                    tell_waiting(a, id);
            pthread_cond_broadcast(&a->changed);
            continue;
        }
        id = find_due(a, &until);
        if (id) {
            id->users++;
            if (id->arn)
                fetch_other(a, id, client);
            else
                fetch_ourselves(a, client);
            tell_waiting(a, id);
            id->users--;
        } else {
            struct timespec at = {.tv_sec = until.us / US_PER_SECOND,
                                  .tv_nsec = until.us % US_PER_SECOND * 1000};
            pthread_cond_timedwait(&a->work, &a->lock, &at);
        }
    }
    pthread_mutex_unlock(&a->lock);
    http_client_free(client);
    return NULL;
}

void identities_start(struct aws *a)
{
    add_identity(a, mem_strdup(""), NULL);
    BUG_ON(pthread_create(&a->thread, NULL, run, a) != 0);
    pthread_setname_np(a->thread, "credentials");
}

void identities_stop(struct aws *a)
{
    pthread_mutex_lock(&a->lock);
    a->is_closing = true;
    pthread_cond_broadcast(&a->changed);
    pthread_cond_broadcast(&a->work);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_mutex_lock(&a->lock);
    for (struct identity *id = a->identities; id; id = id->next) {
        struct submission *s = id->first_waiting;
        id->first_waiting = id->last_waiting = NULL;
        id->users++;
        pthread_mutex_unlock(&a->lock);
        while (s) {
            struct submission *next = *submission_next(s);
            submission_go(s, true);
            s = next;
        }
        pthread_mutex_lock(&a->lock);
        id->users--;
    }
    pthread_mutex_unlock(&a->lock);
}

void identities_release(struct aws *a)
{
    while (a->identities) {
        struct identity *id = a->identities;
        a->identities = id->next;
        free_identity(id);
    }
}
