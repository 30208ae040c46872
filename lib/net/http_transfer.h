/*
 * One call on one libcurl easy handle: what http_client.c and http_multi.c share.
 */
#ifndef LIB_NET_HTTP_TRANSFER_H
#define LIB_NET_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "lib/net/http_client.h"

struct transfer {
    const struct http_request *request;
    struct http_reply *reply;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    struct err refused; /* by the guard */
    bool is_body_too_large;
    bool is_headers_too_large;
};

/* Sets every option of the handle (which is reset first). The request must stay as it is, and t
 * where it is, until the call is over. ERR_INPUT when the request cannot be made. */
int transfer_prepare(struct transfer *t, CURL *easy, const struct http_request *q,
                     struct http_reply *reply, struct err *err) WARN_UNUSED;
/* After the call: fills the reply's status and times, or err. */
int transfer_finish(struct transfer *t, CURL *easy, CURLcode code, struct err *err) WARN_UNUSED;
void transfer_release(struct transfer *t);

#endif
