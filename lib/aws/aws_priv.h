/*
 * Inside of lib/aws, for its own files only.
 *
 *   aws.c          open and close, the blocking call
 *   submit.c       the asynchronous call
 *   call.c         one call: request, signature, what to do with the answer; no waiting
 *   identity.c     the credentials thread: who we are, renewed ahead
 *   fetch.c        getting credentials: chain, then roles
 *   metadata.c, process.c   two of its sources
 *
 * Locks: `lock` of struct aws guards the identities; nothing is called with it held but libc. The
 * quotas have their own.
 */
#ifndef LIB_AWS_AWS_PRIV_H
#define LIB_AWS_AWS_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/aws/aws.h"
#include "lib/aws/chain.h"
#include "lib/aws/credentials.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/retry.h"
#include "lib/aws/settings.h"

#define SESSION_NAME "release-judge"

/* --- Calls (call.c) --- */

struct call {
    struct aws *aws;
    struct aws_request q;
    const struct aws_service *service;
    struct endpoint endpoint; /* once the region is known */
    struct mono deadline;
    int attempts;
    int throttled;
    int max_attempts;
    int last_cost; /* tokens the last retry took */
    bool is_skew_mended;
    bool is_renewed; /* credentials were asked for anew because AWS called them expired */
    bool is_unsigned;
    struct credentials *credentials; /* of the attempt */
    struct arena attempt;            /* what the request of the attempt points to */
};

/* Checks the request and takes its deadline; `q` must stay as it is. ERR_INPUT. */
int call_init(struct call *c, struct aws *a, const struct aws_request *q,
              struct err *err) WARN_UNUSED;
void call_release(struct call *c);
/* Finds the endpoint; region is used when the request names none. */
int call_locate(struct call *c, const char *region, struct err *err) WARN_UNUSED;
/* The next attempt's request, to begin after pause_ms, signed with c->credentials; valid until the
 * next one. ERR_TIMEOUT when the deadline has passed. */
int call_prepare(struct call *c, int pause_ms, struct http_request *out,
                 struct err *err) WARN_UNUSED;

enum call_next {
    CALL_SUCCEEDED,
    CALL_FAILED,
    CALL_AGAIN, /* after pause_ms */
    CALL_RENEW, /* after new credentials came */
};
/* What to do after an attempt: reply, or transfer (why there is none). error is filled unless it
 * succeeded. */
enum call_next call_after(struct call *c, const struct http_reply *reply,
                          const struct err *transfer, struct aws_error *error, int *pause_ms);
/* "cloudwatch GetMetricData in eu-west-1: " before the message; counts the failure. */
void call_explain(const struct call *c, struct aws_error *error);
/* A failure of ours before anything was sent. */
void call_fail(const struct call *c, const struct err *err, struct aws_error *error);

/* The whole call, blocking, with credentials that are given (NULL: unsigned) and without asking
 * for others: what the credentials thread uses. */
int call_run(struct aws *a, struct http_client *client, const struct aws_request *q,
             struct credentials *with, struct aws_reply *reply,
             struct aws_error *error) WARN_UNUSED;
/* Waits for a pause; false when aws_close was called meanwhile. */
bool call_pause(struct aws *a, int ms);

/* --- Identities (identity.c) --- */

struct submission;

struct identity {
    struct identity *next;
    char *key; /* "" for ourselves; arn, external id, session name for a role */
    char *arn; /* NULL for ourselves */
    char *external_id;
    char *session_name;
    int users; /* calls that hold this pointer */
    struct credentials *now;
    struct err failure;   /* of the last try, when it failed */
    struct mono next_try; /* not before, after a failure; renewal is due, after a success */
    int failures;         /* in a row */
    bool is_wanted;       /* somebody waits */
    bool is_used;         /* since the last renewal: if not, it is not renewed */
    struct submission *first_waiting, *last_waiting;
};

enum region_state { REGION_UNKNOWN, REGION_WANTED, REGION_KNOWN, REGION_NONE };

struct aws {
    _Atomic int refs; /* the owner, each submission */
    struct settings settings;
    struct quotas quotas;
    _Atomic int64_t skew_us; /* AWS's clock less ours, when ours is off */
    _Atomic int stop;        /* aws_close was called */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* an identity was tried, or we are closing */
    pthread_cond_t work;    /* for the thread */
    pthread_t thread;
    bool is_closing;
    struct identity *identities; /* the first is ourselves */
    size_t identity_count;
    size_t waiting; /* submissions in all waiting lists */
    enum region_state region_state;
    char region[AWS_REGION_BYTES]; /* REGION_KNOWN */
};

void aws_ref(struct aws *a);
void aws_unref(struct aws *a);

void identities_start(struct aws *a);
/* Ends the thread; what waits is told. */
void identities_stop(struct aws *a);
void identities_release(struct aws *a);

/* The identity of a role (NULL: ourselves), held until identity_put. ERR_LIMIT. */
struct identity *identity_get(struct aws *a, const struct aws_role *role,
                              struct err *err) WARN_UNUSED;
void identity_put(struct aws *a, struct identity *id);
/* What a call needs before it can be made: 0 with a reference in *out and the region in `region`
 * (needs_region), -1, or 1: it must wait. With `wait` not NULL it is then in the waiting list, to
 * be told by submission_go. */
int identity_try(struct aws *a, struct identity *id, bool needs_region, struct submission *wait,
                 struct credentials **out, char region[AWS_REGION_BYTES], struct err *err);
/* The same, waiting until the deadline. */
int identity_wait(struct aws *a, struct identity *id, bool needs_region, struct mono deadline,
                  struct credentials **out, char region[AWS_REGION_BYTES],
                  struct err *err) WARN_UNUSED;
/* AWS calls these expired: they are forgotten, if they are the current ones still. */
void identity_forget(struct aws *a, struct identity *id, const struct credentials *expired);
struct wall aws_now(struct aws *a); /* by AWS's clock */

/* --- Submissions (submit.c) --- */

/* Goes on with a submission that waited: its credentials were tried, or (stopped) we are closing.
 * Without the lock. */
void submission_go(struct submission *s, bool is_stopped);
/* The waiting list's link. */
struct submission **submission_next(struct submission *s);

/* --- Sources (fetch.c, metadata.c, process.c) --- */

/* Ourselves, as the chain says. */
struct credentials *fetch_own(struct aws *a, struct http_client *client,
                              struct err *err) WARN_UNUSED;
/* A role, taken on with other credentials. */
struct credentials *fetch_role(struct aws *a, struct http_client *client,
                               const struct chain_role *role, struct credentials *with,
                               struct err *err) WARN_UNUSED;
struct credentials *fetch_container(struct aws *a, struct http_client *client,
                                    const struct chain *chain, struct err *err) WARN_UNUSED;
struct credentials *fetch_instance(struct aws *a, struct http_client *client,
                                   struct err *err) WARN_UNUSED;
int fetch_instance_region(struct aws *a, struct http_client *client, char out[AWS_REGION_BYTES],
                          struct err *err) WARN_UNUSED;
struct credentials *fetch_process(struct aws *a, const char *command, const char *from,
                                  struct err *err) WARN_UNUSED;
/* A token file, read anew each time; spaces and newlines at its end are cut. */
int fetch_token_file(const char *path, struct secret *out, struct err *err) WARN_UNUSED;

/* --- Counters (counters.c) --- */

enum aws_counter {
    AWS_COUNT_CALLS,
    AWS_COUNT_ATTEMPTS,
    AWS_COUNT_THROTTLED,
    AWS_COUNT_FAILED,
    AWS_COUNT_NO_QUOTA,
    AWS_COUNT_RENEWED,
    AWS_COUNT_NOT_RENEWED,
    AWS_COUNT_SKEW,
    AWS_COUNT_REFUSED,
    AWS_COUNTERS
};
void aws_count(enum aws_counter which);
void aws_counters_init(void);

#endif
