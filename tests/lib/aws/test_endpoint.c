/*
 * Endpoints; and a filter for comparing with botocore: `test_endpoint --stdin` reads "service
 * region fips dualstack" a line and prints "host region", `test_endpoint --services` prints the
 * table of services.
 */
#include "lib/aws/endpoint.h"

#include "tests/t.h"

#include <stdio.h>

static void urls_take_the_place_of_hosts(void)
{
    static const struct {
        int line;
        const char *url, *host, *path;
        bool is_tls;
    } cases[] = {
        {__LINE__, "http://127.0.0.1:5000", "127.0.0.1:5000", "", false},
        {__LINE__, "https://x.example/", "x.example", "", true},
        {__LINE__, "https://x.example:443/base/path//", "x.example", "/base/path", true},
        {__LINE__, "HTTP://x.example:80", "x.example", "", false},
        {__LINE__, "http://x.example:443", "x.example:443", "", false},
        {__LINE__, "http://[::1]:80/a", "[::1]", "/a", false},
        {__LINE__, "http://[::1]:8080", "[::1]:8080", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct endpoint e;
        struct err err = {0};
        T_OK(endpoint_find(&e, service_find("cloudwatch"), "eu-west-1", false, false, cases[i].url,
                           &err),
             err);
        if (strcmp(e.host, cases[i].host) != 0 || strcmp(e.path, cases[i].path) != 0 ||
            e.is_tls != cases[i].is_tls)
            t_fail(__FILE__, cases[i].line, "host %s path %s tls %d", e.host, e.path, e.is_tls);
        T_EQ_STR(e.region, "eu-west-1");
    }
}

static void refuses_what_is_no_endpoint(void)
{
    static const struct {
        const char *url, *region, *why;
    } cases[] = {
        {"127.0.0.1:5000", "eu-west-1", "must begin with https:// or http://"},
        {"http://", "eu-west-1", "empty"},
        {"http://a@b", "eu-west-1", "nothing else"},
        {"http://a/?x", "eu-west-1", "nothing else"},
        {NULL, "eu/west", "is not a region"},
        {NULL, "", "is not a region"},
        {NULL, "us-iso-east-1", "set AWS_ENDPOINT_URL_CLOUDWATCH"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct endpoint e;
        struct err err = {0};
        T_EQ_INT(endpoint_find(&e, service_find("cloudwatch"), cases[i].region, false, false,
                               cases[i].url, &err),
                 -1);
        T_HAS_STR(err.message, cases[i].why);
    }
}

/* A global service keeps its signing region behind another host, too. */
static void global_services_sign_for_home(void)
{
    struct endpoint e;
    struct err err = {0};
    T_OK(endpoint_find(&e, service_find("route53"), "eu-west-1", false, false, "http://h", &err),
         err);
    T_EQ_STR(e.region, "us-east-1");
    T_OK(endpoint_find(&e, service_find("route53"), "cn-north-1", false, false, NULL, &err), err);
    T_EQ_STR(e.region, "cn-northwest-1");
    T_EQ_STR(e.host, "route53.amazonaws.com.cn");
    T_CHECK(!service_find("s3"));
}

static int filter(void)
{
    char service[64], region[64];
    int fips, dual;
    while (scanf("%63s %63s %d %d", service, region, &fips, &dual) == 4) {
        struct endpoint e;
        struct err err = {0};
        if (endpoint_find(&e, service_find(service), region, fips, dual, NULL, &err) < 0)
            printf("%s\n", err.message);
        else
            printf("%s %s\n", e.host, e.region);
    }
    return 0;
}

static int list(void)
{
    static const char *const protocols[] = {"json 1.0", "json 1.1",  "query",
                                            "ec2",      "rest-json", "rest-xml"};
    size_t n;
    const struct aws_service *s = service_table(&n);
    for (size_t i = 0; i < n; i++)
        printf("%s\t%s\t%s\t%s\t%s\t%s\n", s[i].name, s[i].signing, protocols[s[i].protocol],
               s[i].version, s[i].target, s[i].id);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"urls_take_the_place_of_hosts", urls_take_the_place_of_hosts},
        {"refuses_what_is_no_endpoint", refuses_what_is_no_endpoint},
        {"global_services_sign_for_home", global_services_sign_for_home},
    };
    if (argc == 2 && !strcmp(argv[1], "--stdin"))
        return filter();
    if (argc == 2 && !strcmp(argv[1], "--services"))
        return list();
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
