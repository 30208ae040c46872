/*
 * The AWS services we can call: how their requests are made and signed. A new one is one line in
 * service.c.
 */
#ifndef LIB_AWS_SERVICE_H
#define LIB_AWS_SERVICE_H

#include <stddef.h>

enum aws_protocol {
    AWS_JSON_10,
    AWS_JSON_11,
    AWS_QUERY,
    AWS_EC2,
    AWS_REST_JSON,
    AWS_REST_XML,
};

/* How a service's hosts differ from "host.region.suffix", "host-fips.region.suffix". */
#define SERVICE_GLOBAL        1u /* one host a partition, signed with the partition's home region */
#define SERVICE_GOV_PLAIN     2u /* aws-us-gov: the plain host is the FIPS one */
#define SERVICE_GOV_PLAIN_TOO 4u /* the same for the dual-stack host */
#define SERVICE_FIPS_FIRST    8u /* "fips.host" in place of "host-fips" */

struct aws_service {
    const char *name;    /* "cloudwatch": what callers and the profile's `services` section say */
    const char *host;    /* first label of the host: "monitoring" */
    const char *signing; /* name in the credential scope */
    enum aws_protocol protocol;
    const char *version; /* query, ec2: Version of the form; "" otherwise */
    const char *target;  /* json: X-Amz-Target before ".Operation"; "" otherwise */
    const char *id;      /* service id, as in AWS_ENDPOINT_URL_<ID>: "ELASTIC_LOAD_BALANCING_V2" */
    unsigned flags;
};

/* The row of that name, or NULL. */
const struct aws_service *service_find(const char *name);
/* All rows; for tests and listings. */
const struct aws_service *service_table(size_t *n);

#endif
