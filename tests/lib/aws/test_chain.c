/*
 * Which credentials the settings name: each case is a set of variables and two files.
 */
#include "lib/aws/chain.h"

#include "tests/t.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const variables[] = {
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_CLOUDWATCH",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_USE_FIPS_ENDPOINT",
};

static void write_file(const char *name, const char *text)
{
    char path[512];
    FILE *f;
    snprintf(path, sizeof(path), "%s/%s", t_tmpdir(), name);
    f = fopen(path, "w");
    BUG_ON(!f || fputs(text, f) < 0 || fclose(f) != 0);
    setenv(!strcmp(name, "config") ? "AWS_CONFIG_FILE" : "AWS_SHARED_CREDENTIALS_FILE", path, 1);
}

/* "NAME=value\nNAME=value\n" */
static void set_variables(const char *lines)
{
    char name[128], value[512];
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        unsetenv(variables[i]);
    while (*lines && sscanf(lines, "%127[^=]=%511[^\n]", name, value) == 2) {
        setenv(name, value, 1);
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
}

struct want {
    int line;
    const char *variables, *config, *credentials;
    const char *profile; /* of the config, or NULL */
    const char *found;   /* "source key roles...", or the part of a message after '!' */
};

/* "fixed KEY < arn:a (x) < arn:b": the last role is the first to be taken on. */
static void describe(const struct chain *c, struct buf *out)
{
    static const char *const names[] = {"fixed", "process", "web-identity", "container",
                                        "instance"};
    buf_addf(out, "%s", names[c->source]);
    if (c->fixed)
        buf_addf(out, " %s", c->fixed->access_key);
    if (c->command)
        buf_addf(out, " %s", c->command);
    if (c->web_identity.arn)
        buf_addf(out, " %s %s", c->token_file, c->web_identity.arn);
    if (c->container_url)
        buf_addf(out, " %s", c->container_url);
    for (size_t i = c->role_count; i > 0; i--) {
        const struct chain_role *r = &c->roles[i - 1];
        buf_addf(out, " > %s", r->arn);
        if (r->external_id)
            buf_addf(out, " (%s)", r->external_id);
        if (r->session_name)
            buf_addf(out, " as %s", r->session_name);
        if (r->duration_s)
            buf_addf(out, " for %d", r->duration_s);
    }
}

static void check(const struct want *w)
{
    struct settings s;
    struct chain c;
    struct err err = {0};
    struct buf got;
    int rc;
    buf_init(&got, 4096);
    set_variables(w->variables);
    write_file("config", w->config);
    write_file("credentials", w->credentials);
    rc = settings_read(&s, &(struct aws_config){.profile = w->profile}, &err);
    if (rc == 0) {
        rc = chain_read(&c, &s, &err);
        if (rc == 0)
            describe(&c, &got);
        chain_release(&c);
    }
    settings_release(&s);
    if (rc < 0)
        buf_addf(&got, "!%s", err.message);
    if (w->found[0] == '!' ? rc == 0 || !strstr(got.data, w->found + 1)
                           : strcmp(got.data, w->found) != 0)
        t_fail(__FILE__, w->line, "found \"%s\", want \"%s\"", got.data, w->found);
    buf_release(&got);
}

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = s\n"
#define ENV      "AWS_ACCESS_KEY_ID=ENV\nAWS_SECRET_ACCESS_KEY=s\n"

static const struct want wants[] = {
    /* the order */
    {__LINE__, "", "", "", NULL, "instance"},
    {__LINE__, ENV, "", "[default]\n" KEYS("FILE"), NULL, "fixed ENV"},
    {__LINE__, ENV, "", "[default]\n" KEYS("FILE"), "default", "fixed FILE"},
    {__LINE__, ENV "AWS_PROFILE=default\n", "", "[default]\n" KEYS("FILE"), NULL, "fixed ENV"},
    {__LINE__, "", "[default]\n" KEYS("CONFIG"), "[default]\n" KEYS("FILE"), NULL, "fixed FILE"},
    {__LINE__, "", "[default]\n" KEYS("CONFIG"), "", NULL, "fixed CONFIG"},
    {__LINE__, "", "[default]\ncredential_process = /bin/x 'a b'\n" KEYS("CONFIG"), "", NULL,
     "process /bin/x 'a b'"},
    {__LINE__, "AWS_WEB_IDENTITY_TOKEN_FILE=/t\nAWS_ROLE_ARN=arn:w\n", "",
     "[default]\n" KEYS("FILE"), NULL, "web-identity /t arn:w"},
    {__LINE__, "AWS_WEB_IDENTITY_TOKEN_FILE=/t\n", "", "", NULL, "!AWS_ROLE_ARN is not"},
    {__LINE__, "", "[default]\nrole_arn = arn:w\nweb_identity_token_file = /f\n", "", NULL,
     "web-identity /f arn:w"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x\n", "", "", NULL,
     "container http://169.254.170.2/v2/x"},
    {__LINE__, "AWS_EC2_METADATA_DISABLED=true\n", "", "", NULL, "!no AWS credentials"},
    /* containers: http only where nothing leaves the machine */
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials\n", "", "",
     NULL, "container http://169.254.170.23/v1/credentials"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost:8080/x\n", "", "", NULL,
     "container http://localhost:8080/x"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=https://x.example/x\n", "", "", NULL,
     "container https://x.example/x"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://10.0.0.1/x\n", "", "", NULL,
     "!must be https://"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost.evil.example/x\n", "", "", NULL,
     "!must be https://"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1@evil.example/x\n", "", "", NULL,
     "!must be https://"},
    {__LINE__, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1.evil.example/x\n", "", "", NULL,
     "!must be https://"},
    /* roles */
    {__LINE__, "",
     "[default]\nrole_arn = arn:a\nsource_profile = base\nexternal_id = x\n"
     "role_session_name = me\nduration_seconds = 900\n",
     "[base]\n" KEYS("BASE"), NULL, "fixed BASE > arn:a (x) as me for 900"},
    {__LINE__, "",
     "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\n"
     "source_profile = c\n[profile c]\nrole_arn = arn:c\ncredential_source = Ec2InstanceMetadata\n",
     "", "a", "instance > arn:c > arn:b > arn:a"},
    {__LINE__, ENV, "[profile a]\nrole_arn = arn:a\ncredential_source = Environment\n", "", "a",
     "fixed ENV > arn:a"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\ncredential_source = EcsContainer\n", "", "a",
     "!there are no credentials of a container"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\ncredential_source = Sky\n", "", "a",
     "!must be Environment, Ec2InstanceMetadata or EcsContainer, not \"Sky\""},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\nsource_profile = a\n", "[a]\n" KEYS("SELF"), "a",
     "fixed SELF > arn:a"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\nsource_profile = a\n", "", "a",
     "!leads back to itself"},
    {__LINE__, "",
     "[profile a]\nrole_arn = arn:a\nsource_profile = b\n"
     "[profile b]\nrole_arn = arn:b\nsource_profile = a\n",
     "", "a", "!leads back to itself"},
    {__LINE__, "",
     "[profile a]\nrole_arn = arn:a\nsource_profile = b\n"
     "[profile b]\nrole_arn = arn:b\nweb_identity_token_file = /f\n",
     "", "a", "web-identity /f arn:b > arn:a"},
    {__LINE__, "",
     "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\ncredential_process = p\n", "",
     "a", "process p > arn:a"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\nsource_profile = gone\n", "", "a",
     "!its source_profile \"gone\" is not there"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nregion = x\n",
     "", "a", "!source_profile b has no credentials"},
    {__LINE__, "",
     "[profile a]\nrole_arn = arn:a\nsource_profile = b\ncredential_source = Environment\n", "",
     "a", "!both source_profile and credential_source"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\n", "", "a", "!none of source_profile"},
    {__LINE__, "",
     "[profile a]\nrole_arn = arn:a\nsource_profile = b\nmfa_serial = arn:mfa\n[profile b]\n" KEYS(
         "B"),
     "", "a", "!MFA"},
    {__LINE__, "", "[profile a]\nrole_arn = arn:a\nsource_profile = b\nduration_seconds = 12\n", "",
     "a", "!duration_seconds must be 900 to 43200"},
    /* what needs a person */
    {__LINE__, "", "[profile a]\nsso_session = s\n", "", "a",
     "!IAM Identity Center (SSO), which needs a browser and is not supported"},
    {__LINE__, "", "[profile a]\nlogin_session = s\n", "", "a",
     "!aws configure export-credentials --profile a --format process"},
    /* what is wrong */
    {__LINE__, "AWS_ACCESS_KEY_ID=X\n", "", "", NULL, "!there is no secret access key"},
    {__LINE__, "", "", "[default]\naws_secret_access_key = s\n", NULL,
     "!there is no access key id"},
    {__LINE__, "", "", "[default]\n" KEYS("A B"), NULL, "!holds white space"},
    {__LINE__, "AWS_PROFILE=none\n", "", "", NULL, "!there is no profile \"none\""},
    {__LINE__, "AWS_RETRY_MODE=adaptive\n", "", "", NULL, "!only \"standard\" is supported"},
    {__LINE__, "AWS_MAX_ATTEMPTS=0\n", "", "", NULL, "!must be 1 to 10"},
    {__LINE__, "AWS_REGION=Europe\n", "", "", NULL, "!\"Europe\" is not a region"},
    {__LINE__, "AWS_USE_FIPS_ENDPOINT=yes\n", "", "", NULL, "!must be true or false"},
};

static void finds_what_the_settings_name(void)
{
    for (size_t i = 0; i < ARRAY_LEN(wants); i++)
        check(&wants[i]);
}

static void a_chain_of_roles_has_an_end(void)
{
    struct buf config;
    struct want w = {__LINE__, "", NULL, "", "p0", "!more than 8 roles one after the other"};
    buf_init(&config, 8192);
    for (int i = 0; i < 12; i++)
        buf_addf(&config, "[profile p%d]\nrole_arn = arn:%d\nsource_profile = p%d\n", i, i, i + 1);
    w.config = config.data;
    check(&w);
    buf_release(&config);
}

/* The URL in force for CloudWatch. */
static const char *url_of(const struct settings *s)
{
    size_t n;
    const struct aws_service *services = service_table(&n);
    return s->endpoint_url[service_find("cloudwatch") - services];
}

static void settings_have_an_order(void)
{
    static const char config[] =
        "[default]\nregion = eu-west-3\nendpoint_url = http://profile\nservices = v\n"
        "max_attempts = 4\nuse_fips_endpoint = TRUE\n"
        "[services v]\ncloudwatch =\n  endpoint_url = http://section\n";
    static const struct {
        int line;
        const char *variables, *url, *region;
        int attempts;
    } cases[] = {
        {__LINE__, "", "http://section", "eu-west-3", 4},
        {__LINE__, "AWS_DEFAULT_REGION=us-east-2\n", "http://section", "us-east-2", 4},
        {__LINE__, "AWS_DEFAULT_REGION=us-east-2\nAWS_REGION=us-west-1\nAWS_MAX_ATTEMPTS=5\n",
         "http://section", "us-west-1", 5},
        {__LINE__, "AWS_ENDPOINT_URL=http://all\n", "http://all", "eu-west-3", 4},
        {__LINE__, "AWS_ENDPOINT_URL=http://all\nAWS_ENDPOINT_URL_CLOUDWATCH=http://one\n",
         "http://one", "eu-west-3", 4},
        {__LINE__, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true\nAWS_ENDPOINT_URL=http://all\n", NULL,
         "eu-west-3", 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings s;
        struct err err = {0};
        set_variables(cases[i].variables);
        write_file("config", config);
        write_file("credentials", "");
        T_OK(settings_read(&s, &(struct aws_config){0}, &err), err);
        if (strcmp(url_of(&s) ? url_of(&s) : "-", cases[i].url ? cases[i].url : "-") != 0 ||
            strcmp(s.region, cases[i].region) != 0 || s.max_attempts != cases[i].attempts ||
            !s.use_fips)
            t_fail(__FILE__, cases[i].line, "url %s region %s attempts %d",
                   url_of(&s) ? url_of(&s) : "-", s.region, s.max_attempts);
        settings_release(&s);
    }
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"finds_what_the_settings_name", finds_what_the_settings_name},
        {"a_chain_of_roles_has_an_end", a_chain_of_roles_has_an_end},
        {"settings_have_an_order", settings_have_an_order},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
