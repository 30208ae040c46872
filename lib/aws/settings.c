#include "lib/aws/settings.h"

#include "lib/base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *settings_variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool settings_is_region(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len && !text[len] && len < AWS_REGION_BYTES;
}

void settings_release(struct settings *s)
{
    arena_release(&s->arena);
}

int settings_read_files(const struct settings *s, struct profiles *files, struct err *err)
{
    profiles_init(files);
    if (profiles_add_file(files, PROFILE_CONFIG, s->config_path, err) < 0)
        return -1;
    return profiles_add_file(files, PROFILE_CREDENTIALS, s->credentials_path, err);
}

/* The variable, else the profile's setting. */
static const char *either(const char *variable, const struct profile *p, const char *name)
{
    const char *value = settings_variable(variable);
    if (!value)
        value = profile_get(p, NULL, name);
    return value && *value ? value : NULL;
}

static int read_flag(const char *variable, const struct profile *p, const char *name, bool *out,
                     struct err *err)
{
    const char *value = either(variable, p, name);
    if (!value)
        return 0;
    if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
        return err_set(err, ERR_INPUT,
                       "%s (or %s of the profile) must be true or false, not \"%s\"", variable,
                       name, value);
    *out = !strcasecmp(value, "true");
    return 0;
}

static const char *home_file(struct settings *s, const char *variable, const char *name)
{
    const char *value = settings_variable(variable);
    const char *home = settings_variable("HOME");
    if (value && !strncmp(value, "~/", 2) && home)
        return arena_printf(&s->arena, "%s/%s", home, value + 2);
    if (value)
        return arena_strdup(&s->arena, value);
    return arena_printf(&s->arena, "%s/.aws/%s", home ? home : "", name);
}

static int read_attempts(struct settings *s, const struct profile *p, int given, struct err *err)
{
    const char *mode = either("AWS_RETRY_MODE", p, "retry_mode");
    const char *attempts = either("AWS_MAX_ATTEMPTS", p, "max_attempts");
    uint64_t n;
    if (mode && strcmp(mode, "standard") != 0)
        return err_set(err, ERR_SPEC,
                       "AWS_RETRY_MODE (or retry_mode of the profile) is \"%s\": only \"standard\" "
                       "is supported; unset it",
                       mode);
    s->max_attempts = given ? given : 3;
    if (given || !attempts)
        return 0;
    if (num_parse_u64(attempts, strlen(attempts), &n) < 0 || n < 1 || n > AWS_ATTEMPTS_MAX)
        return err_set(err, ERR_INPUT,
                       "AWS_MAX_ATTEMPTS (or max_attempts of the profile) must be 1 to %d, not "
                       "\"%s\"",
                       AWS_ATTEMPTS_MAX, attempts);
    s->max_attempts = (int)n;
    return 0;
}

/* --- Endpoint URLs --- */

/* The key of a service in a `services` section: its id in lower case. */
static const char *setting_of(struct settings *s, const struct aws_service *service)
{
    char *name = arena_strdup(&s->arena, service->id);
    for (char *c = name; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    return name;
}

static const char *endpoint_of(struct settings *s, const struct profiles *files,
                               const struct profile *p, const struct aws_service *service)
{
    char variable[96];
    const char *value, *section = profile_get(p, NULL, "services");
    snprintf(variable, sizeof(variable), "AWS_ENDPOINT_URL_%s", service->id);
    value = settings_variable(variable);
    if (!value)
        value = settings_variable("AWS_ENDPOINT_URL");
    if (!value && section)
        value = profile_get(profiles_find(files, "services", section), setting_of(s, service),
                            "endpoint_url");
    return value ? value : profile_get(p, NULL, "endpoint_url");
}

static int read_endpoints(struct settings *s, const struct aws_config *config,
                          const struct profiles *files, const struct profile *p, struct err *err)
{
    size_t n;
    const struct aws_service *services = service_table(&n);
    bool is_ignored = false;
    BUG_ON(n > SERVICES_MAX);
    if (read_flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", p, "ignore_configured_endpoint_urls",
                  &is_ignored, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const char *url = config->endpoint_url;
        if (!url && !is_ignored)
            url = endpoint_of(s, files, p, &services[i]);
        s->endpoint_url[i] = url && *url ? arena_strdup(&s->arena, url) : NULL;
    }
    return 0;
}

static int read_metadata(struct settings *s, const struct profile *p, struct err *err)
{
    const char *url =
        either("AWS_EC2_METADATA_SERVICE_ENDPOINT", p, "ec2_metadata_service_endpoint");
    const char *mode =
        either("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", p, "ec2_metadata_service_endpoint_mode");
    bool is_v1_disabled = true;
    size_t len;
    if (!url)
        url =
            mode && !strcasecmp(mode, "ipv6") ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    s->metadata_url = arena_copy(&s->arena, url, len);
    if (read_flag("AWS_EC2_METADATA_DISABLED", NULL, "", &s->is_metadata_disabled, err) < 0 ||
        read_flag("AWS_EC2_METADATA_V1_DISABLED", p, "ec2_metadata_v1_disabled", &is_v1_disabled,
                  err) < 0)
        return -1;
    s->is_metadata_v1_allowed = !is_v1_disabled;
    return 0;
}

static int read_all(struct settings *s, const struct aws_config *config,
                    const struct profiles *files, struct err *err)
{
    const struct profile *p = profiles_find(files, "profile", s->profile);
    const char *region = config->region ? config->region : settings_variable("AWS_REGION");
    const char *ca_file =
        config->ca_file ? config->ca_file : either("AWS_CA_BUNDLE", p, "ca_bundle");
    if (!p && (config->profile || settings_variable("AWS_PROFILE")))
        return err_set(err, ERR_INPUT, "there is no profile \"%s\" in %s or %s", s->profile,
                       s->config_path, s->credentials_path);
    if (!region)
        region = either("AWS_DEFAULT_REGION", p, "region");
    if (region && !settings_is_region(region))
        return err_set(err, ERR_INPUT, "\"%s\" is not a region: write it as in \"eu-west-1\"",
                       region);
    s->region = arena_strdup(&s->arena, region);
    s->ca_file = arena_strdup(&s->arena, ca_file);
    if (read_flag("AWS_USE_FIPS_ENDPOINT", p, "use_fips_endpoint", &s->use_fips, err) < 0 ||
        read_flag("AWS_USE_DUALSTACK_ENDPOINT", p, "use_dualstack_endpoint", &s->use_dualstack,
                  err) < 0 ||
        read_attempts(s, p, config->max_attempts, err) < 0)
        return -1;
    if (read_endpoints(s, config, files, p, err) < 0)
        return -1;
    return read_metadata(s, p, err);
}

int settings_read(struct settings *s, const struct aws_config *config, struct err *err)
{
    struct profiles files;
    const char *profile = config->profile ? config->profile : settings_variable("AWS_PROFILE");
    int rc;
    *s = (struct settings){.is_profile_given = config->profile != NULL};
    arena_init(&s->arena);
    s->profile = arena_strdup(&s->arena, profile ? profile : "default");
    s->config_path = home_file(s, "AWS_CONFIG_FILE", "config");
    s->credentials_path = home_file(s, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    rc = settings_read_files(s, &files, err);
    if (rc == 0)
        rc = read_all(s, config, &files, err);
    profiles_release(&files);
    return rc;
}
