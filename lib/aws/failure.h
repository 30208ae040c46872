/*
 * What an answer that is not a success says, whatever form it has: the JSON error of JSON services,
 * the XML of the others, headers, or the status alone (load balancers, proxies, stand-ins answer
 * in HTML or XML where JSON is due).
 */
#ifndef LIB_AWS_FAILURE_H
#define LIB_AWS_FAILURE_H

#include "lib/aws/aws.h"
#include "lib/base/clock.h"

/* Fills code, status, request_id, is_throttle, may_retry, is_unknown, retry_after_ms and err
 * (without context) of a zeroed error. */
void failure_read(const struct http_reply *reply, struct aws_error *error);

/* The same for a call that got no answer; err says why. */
void failure_of_transfer(const struct err *err, struct aws_error *error);

/* Request id of any reply, "" when it has none. */
void failure_request_id(const struct http_reply *reply, char out[AWS_REQUEST_ID_BYTES]);

/* Codes that say: your credentials are no longer valid; your clock is wrong. */
bool failure_is_expired(const struct aws_error *error);
bool failure_may_be_skew(const struct aws_error *error);

/* The Date header ("Sat, 28 Nov 2026 21:19:59 GMT"). 0, or -1 when there is none to read. */
int failure_date(const struct http_reply *reply, struct wall *out);

#endif
