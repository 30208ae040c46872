/*
 * AWS Signature Version 4 (AWS4-HMAC-SHA256): in headers, or in the query of a URL ("presigned").
 *
 * Signed are all headers that are given, but those that the way may change (connection, expect,
 * user-agent, x-amzn-trace-id, proxy-... and their like). They must hold Host, exactly as it is
 * sent, with the port when it is not the scheme's own. Names may be in any case; white space in
 * values is folded; the same name twice is joined with ','. The path and the query are given as
 * they are sent; the query may stand in any order.
 *
 * Pure: the time is an argument, nothing is kept. libcurl's own signer is not used: that of 7.88
 * neither sorts nor encodes.
 */
#ifndef LIB_AWS_SIGV4_H
#define LIB_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/crypto/secret.h"

struct sigv4_key {
    const char *access_key;
    const struct secret *secret;
    const struct secret *token; /* NULL or empty: none */
};

struct sigv4_request {
    const char *method;
    const char *path;           /* as sent, "/" at least */
    const char *query;          /* as sent, without '?'; NULL or "": none */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const void *body;
    size_t body_len;
    const char *service; /* the signing name */
    const char *region;
    struct wall now;
    bool is_payload_unsigned;    /* "UNSIGNED-PAYLOAD" in place of the body's digest */
    bool is_payload_header_sent; /* add X-Amz-Content-Sha256 (S3 wants it) */
    bool is_path_encoded_once;   /* S3; all others sign the path encoded once more */
    bool is_path_kept;           /* S3: dot segments and empty ones stay */
    bool is_token_unsigned;      /* the token is sent but not signed */
    struct buf *canonical;       /* NULL, or gets the canonical request: to look for a fault */
};

/* Appends the lines "Name: value\n" to send besides the given ones: X-Amz-Date, the token, the
 * payload's digest when asked for, Authorization. ERR_INPUT when a header or the path is not one.
 */
int sigv4_sign_headers(const struct sigv4_request *q, const struct sigv4_key *key,
                       struct buf *lines, struct err *err) WARN_UNUSED;

/* Appends the whole query (the given one and the signature), without '?'. Valid for expires_s
 * seconds, 1 to 604800 (a bug otherwise). */
int sigv4_sign_query(const struct sigv4_request *q, const struct sigv4_key *key, int expires_s,
                     struct buf *query, struct err *err) WARN_UNUSED;

#endif
