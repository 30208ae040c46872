/*
 * Calls to AWS: signed (SigV4), at the right host, with credentials kept fresh, repeated as the
 * "standard" retry mode says, under one deadline (docs/aws.md).
 *
 * One `struct aws` is one identity of ours (profile, container, instance ...), the roles assumed
 * from it, and the settings of the AWS variables and files. It owns a thread that fetches and
 * renews credentials. All functions may be called by any thread.
 *
 *   struct aws_request q = {.service = "cloudwatch", .region = "eu-west-1",
 *                           .operation = "GetMetricData", .body = json, .body_len = len,
 *                           .timeout_ms = 20000};
 *   aws_call(aws, client, &q, &reply, &error)     waits
 *   aws_submit(aws, multi, &q, done, arg, &err)   calls back on the multi's thread
 *
 * What a body is, by the service's protocol (service.h):
 *   json 1.0, 1.1   the JSON text; "{}" when there is none
 *   query, ec2      the parameters as a form (aws_form_add); Action and Version are put before them
 *   rest-json, -xml whatever the operation takes; method, path and query are the caller's
 *
 * Secrets never stand in a message. Bytes of AWS's own error messages do, cut.
 */
#ifndef LIB_AWS_AWS_H
#define LIB_AWS_AWS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/aws/limits.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/http_client.h"

struct aws;

/* All zero: everything from the environment and the shared files. */
struct aws_config {
    const char *profile;      /* NULL: AWS_PROFILE, else "default" */
    const char *region;       /* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's, IMDS' */
    const char *endpoint_url; /* NULL: AWS_ENDPOINT_URL..., the profile's, the region's own */
    const char *ca_file;      /* NULL: AWS_CA_BUNDLE, the profile's ca_bundle, the system's */
    int max_attempts;         /* 0: AWS_MAX_ATTEMPTS, the profile's, 3 */
};

/* Reads the variables and files, begins the thread; no network. NULL with ERR_INPUT (a file or a
 * value that cannot be read, a profile that is not there) or ERR_SPEC (a retry mode or a kind of
 * credentials that is not supported; the message says what to do instead). */
struct aws *aws_open(const struct aws_config *config, struct err *err) WARN_UNUSED;
/* Calls that wait end with ERR_UNAVAILABLE, calls in flight are not repeated. Before the multi that
 * aws_submit was given is freed. aws_close(NULL) is fine. */
void aws_close(struct aws *a);

/* A role to take on before the call, by AssumeRole. The same role (arn, external id) is taken on
 * once for all calls. */
struct aws_role {
    const char *arn;
    const char *external_id;  /* NULL: none */
    const char *session_name; /* NULL: "release-judge" */
};

struct aws_request {
    const char *service;         /* a name of service.h's table: "cloudwatch" */
    const char *region;          /* NULL: the default one */
    const struct aws_role *role; /* NULL: our own identity */
    const char *operation;       /* "GetMetricData"; for REST a name for messages */
    const char *method;          /* REST: NULL is GET without a body, POST with one */
    const char *path;            /* REST: begins with '/', every segment url_encode'd once */
    const char *query;           /* REST: "a=b&c=d", encoded, without '?'; or NULL */
    const char *const *headers;  /* more "Name: value" lines, signed too; the type of a REST body */
    size_t header_count;
    const void *body;
    size_t body_len;
    int timeout_ms;         /* > 0: over credentials, all attempts and pauses */
    int attempt_timeout_ms; /* 0: AWS_ATTEMPT_MS; never beyond the deadline */
    int max_attempts;       /* 0: the config's; 1 for what must not happen twice */
    size_t reply_max;       /* 0: CLIENT_REPLY_MAX_DEFAULT; beyond: ERR_TOO_LARGE */
};

/* A reply of status 200 to 299. */
struct aws_reply {
    struct http_reply http;
    char request_id[AWS_REQUEST_ID_BYTES]; /* "" when AWS gave none */
    int attempts;
    int throttled; /* attempts that AWS answered with "slow down" */
};
void aws_reply_init(struct aws_reply *r);
void aws_reply_release(struct aws_reply *r);

/*
 * Why a call failed. err.code says it in our terms and err.message to a person:
 *   ERR_LIMIT        throttled, and the attempts or the retry quota are used up
 *   ERR_AUTH         no credentials, or AWS does not accept them
 *   ERR_FORBIDDEN    AccessDenied
 *   ERR_NOT_FOUND    a 404, or a code that ends in NotFound...
 *   ERR_PRECONDITION, ERR_CONFLICT   412, 409
 *   ERR_PLATFORM     any other error AWS answered
 *   ERR_NETWORK, ERR_TIMEOUT, ERR_PROTOCOL, ERR_TOO_LARGE   no usable answer
 *   ERR_INPUT        the request or the settings cannot make a call
 *   ERR_UNAVAILABLE  aws_close was called
 */
struct aws_error {
    struct err err;
    char code[AWS_CODE_BYTES]; /* AWS's: "ThrottlingException"; "" when AWS answered no error */
    int status;                /* HTTP status; 0 when there was no answer */
    bool is_throttle;          /* AWS asked us to slow down */
    bool may_retry;            /* the same call may succeed later; it was tried already */
    bool is_unknown;           /* no answer, or 5xx: it may have been carried out */
    int retry_after_ms;        /* what AWS asked for; -1 when it said nothing */
    int attempts;
    int throttled; /* of these, answered with "slow down" */
    char request_id[AWS_REQUEST_ID_BYTES];
};

/* 0 with reply filled (what it held is cleared), or -1 with error filled. */
int aws_call(struct aws *a, struct http_client *client, const struct aws_request *q,
             struct aws_reply *reply, struct aws_error *error) WARN_UNUSED;

/* Exactly one of reply and error is not NULL; both are valid during the call only. Runs on the
 * thread of the multi, or of `a` when the request never went out, or of aws_close; must not block.
 */
typedef void aws_done_fn(void *arg, const struct aws_reply *reply, const struct aws_error *error);
/* Copies the request. 0: done will run exactly once. -1: it will not, and err says why the call
 * cannot begin (codes as above; ERR_LIMIT also when AWS_WAITING_MAX calls wait for credentials or
 * the multi's queue is full). */
int aws_submit(struct aws *a, struct http_multi *multi, const struct aws_request *q,
               aws_done_fn *done, void *arg, struct err *err) WARN_UNUSED;

/* A URL that lets its holder make the call (without a body) for expires_s seconds; headers must be
 * sent with it as they are here. Appends to url. */
int aws_presign(struct aws *a, const struct aws_request *q, int expires_s, struct buf *url,
                struct aws_error *error) WARN_UNUSED;

/* Appends "name=value" to a form, '&' before it when it is not the first. */
void aws_form_add(struct buf *form, const char *name, const char *value);
/* The same for the n-th (from 1) of a list: prefix "MetricNames.member", member "" or "Name". */
void aws_form_add_member(struct buf *form, const char *prefix, size_t n, const char *member,
                         const char *value);

#endif
