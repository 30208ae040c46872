/*
 * Where a service answers in a region, and for which region its requests are signed.
 *
 * Partitions: aws, aws-cn (cn-...), aws-us-gov (us-gov-...); another one needs an endpoint URL.
 */
#ifndef LIB_AWS_ENDPOINT_H
#define LIB_AWS_ENDPOINT_H

#include <stdbool.h>

#include "lib/aws/limits.h"
#include "lib/aws/service.h"
#include "lib/base/err.h"

#define ENDPOINT_HOST_BYTES 264 /* a host name and a port */
#define ENDPOINT_PATH_BYTES 256

struct endpoint {
    bool is_tls;
    char host[ENDPOINT_HOST_BYTES]; /* as in the Host header: the port only when not the scheme's */
    char path[ENDPOINT_PATH_BYTES]; /* before every request's own path; "" or "/base" */
    char region[AWS_REGION_BYTES];  /* to sign for */
};

/* url: NULL, or what to use in place of the region's own host ("http://127.0.0.1:5000/base").
 * ERR_INPUT: a URL or region that is none; ERR_SPEC: a partition we do not know. */
int endpoint_find(struct endpoint *out, const struct aws_service *service, const char *region,
                  bool use_fips, bool use_dualstack, const char *url, struct err *err) WARN_UNUSED;

#endif
