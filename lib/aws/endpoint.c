/*
 * Most hosts follow one pattern; the rest are the rows below and the flags of the table of
 * services. A test compares all of it with botocore's endpoint rules.
 */
#include "lib/aws/endpoint.h"

#include "lib/aws/settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct partition {
    const char *prefix; /* of its regions */
    const char *suffix;
    const char *dual_suffix;
};

enum { AWS, AWS_CN, AWS_US_GOV, PARTITIONS };

static const struct partition partitions[PARTITIONS] = {
    [AWS] = {"", "amazonaws.com", "api.aws"},
    [AWS_CN] = {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    [AWS_US_GOV] = {"us-gov-", "amazonaws.com", "api.aws"},
};

/* Partitions with hosts of their own that nobody has shown us. */
static const char *const unknown_prefixes[] = {"us-iso", "eu-iso", "eusc-", "us-isob", "us-isof"};

/* Services with one host a partition. */
static const struct global {
    const char *service;
    int partition;
    const char *region;
    const char *host[4]; /* plain, FIPS, dual-stack, both */
} globals[] = {
    {"cloudfront",
     AWS,
     "us-east-1",
     {"cloudfront.amazonaws.com", "cloudfront-fips.amazonaws.com", "cloudfront.global.api.aws",
      "cloudfront-fips.global.api.aws"}},
    {"cloudfront",
     AWS_US_GOV,
     "us-gov-west-1",
     {"cloudfront.amazonaws.com", "cloudfront-fips.amazonaws.com", "cloudfront.api.aws",
      "cloudfront-fips.api.aws"}},
    {"cloudfront",
     AWS_CN,
     "cn-northwest-1",
     {"cloudfront.cn-northwest-1.amazonaws.com.cn",
      "cloudfront-fips.cn-northwest-1.amazonaws.com.cn", "cloudfront.api.amazonwebservices.com.cn",
      "cloudfront-fips.api.amazonwebservices.com.cn"}},
    {"route53",
     AWS,
     "us-east-1",
     {"route53.amazonaws.com", "route53-fips.amazonaws.com", "route53.global.api.aws",
      "route53-fips.global.api.aws"}},
    {"route53",
     AWS_US_GOV,
     "us-gov-west-1",
     {"route53.us-gov.amazonaws.com", "route53.us-gov.amazonaws.com", "route53.us-gov.api.aws",
      "route53.us-gov.api.aws"}},
    {"route53",
     AWS_CN,
     "cn-northwest-1",
     {"route53.amazonaws.com.cn", "route53-fips.amazonaws.com.cn",
      "route53.global.api.amazonwebservices.com.cn", "route53-fips.api.amazonwebservices.com.cn"}},
};

static int partition_of(const char *region)
{
    for (int i = PARTITIONS - 1; i > 0; i--)
        if (!strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)))
            return i;
    return AWS;
}

static const struct global *global_of(const struct aws_service *service, int partition)
{
    for (size_t i = 0; i < ARRAY_LEN(globals); i++)
        if (!strcmp(globals[i].service, service->name) && globals[i].partition == partition)
            return &globals[i];
    return NULL;
}

static int use_url(struct endpoint *out, const char *url, struct err *err)
{
    const char *at, *port = NULL;
    size_t host_len, path_len;
    if (!strncasecmp(url, "https://", 8))
        out->is_tls = true;
    else if (strncasecmp(url, "http://", 7) != 0)
        return err_set(err, ERR_INPUT,
                       "the endpoint \"%.200s\" must begin with https:// or http://", url);
    at = url + (out->is_tls ? 8 : 7);
    host_len = strcspn(at, "/?#");
    path_len = strlen(at + host_len);
    while (path_len && at[host_len + path_len - 1] == '/')
        path_len--;
    if (strpbrk(at, "?#@ \t\r\n"))
        return err_set(err, ERR_INPUT,
                       "an endpoint URL is a scheme, a host, a port and a path, nothing else");
    if (!host_len || host_len >= ENDPOINT_HOST_BYTES || path_len >= ENDPOINT_PATH_BYTES)
        return err_set(err, ERR_INPUT, "the endpoint's host or path is empty or too long");
    snprintf(out->path, sizeof(out->path), "%.*s", (int)path_len, at + host_len);
    port = memchr(at, ':', host_len);
    if (*at == '[' && memchr(at, ']', host_len))
        port = memchr(strchr(at, ']'), ':', host_len - (size_t)(strchr(at, ']') - at));
    if (port && host_len - (size_t)(port - at) == (out->is_tls ? 4 : 3) &&
        !strncmp(port, out->is_tls ? ":443" : ":80", out->is_tls ? 4 : 3))
        host_len = (size_t)(port - at);
    snprintf(out->host, sizeof(out->host), "%.*s", (int)host_len, at);
    return 0;
}

static void use_pattern(struct endpoint *out, const struct aws_service *service, int partition,
                        const char *region, bool use_fips, bool use_dualstack)
{
    const struct partition *p = &partitions[partition];
    const char *before = "", *after = "";
    if (use_fips && partition == AWS_US_GOV &&
        service->flags & (use_dualstack ? SERVICE_GOV_PLAIN_TOO : SERVICE_GOV_PLAIN))
        use_fips = false;
    if (use_fips && service->flags & SERVICE_FIPS_FIRST && !use_dualstack && partition != AWS_CN)
        before = "fips.";
    else if (use_fips)
        after = "-fips";
    snprintf(out->host, sizeof(out->host), "%s%s%s.%s.%s", before, service->host, after, region,
             use_dualstack ? p->dual_suffix : p->suffix);
}

int endpoint_find(struct endpoint *out, const struct aws_service *service, const char *region,
                  bool use_fips, bool use_dualstack, const char *url, struct err *err)
{
    const struct global *global;
    int partition;
    if (!settings_is_region(region))
        return err_set(err, ERR_INPUT, "\"%.60s\" is not a region: write it as in \"eu-west-1\"",
                       region);
    partition = partition_of(region);
    global = service->flags & SERVICE_GLOBAL ? global_of(service, partition) : NULL;
    *out = (struct endpoint){.is_tls = !url};
    snprintf(out->region, sizeof(out->region), "%s", global ? global->region : region);
    if (url)
        return use_url(out, url, err);
    for (size_t i = 0; i < ARRAY_LEN(unknown_prefixes); i++)
        if (!strncmp(region, unknown_prefixes[i], strlen(unknown_prefixes[i])))
            return err_set(err, ERR_SPEC,
                           "the hosts of region %s are not known here: set AWS_ENDPOINT_URL_%s",
                           region, service->id);
    if (global)
        snprintf(out->host, sizeof(out->host), "%s",
                 global->host[(use_fips ? 1 : 0) + (use_dualstack ? 2 : 0)]);
    else
        use_pattern(out, service, partition, region, use_fips, use_dualstack);
    return 0;
}
