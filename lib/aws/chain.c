/*
 * The order is that of botocore's create_credential_resolver: environment, role of the profile, web
 * identity, SSO (refused), keys in the credentials file, credential_process, keys in the config
 * file, container, instance. A profile's source_profile is followed in a loop, the roles on the
 * way are noted; a profile met twice ends it, unless it is its own source and holds keys.
 */
#include "lib/aws/chain.h"

#include "lib/base/num.h"

#include <string.h>
#include <strings.h>

struct walk {
    struct chain *c;
    const struct settings *s;
    struct profiles files;
    const struct profile *seen[AWS_CHAIN_MAX + 1];
    size_t seen_count;
};

void chain_release(struct chain *c)
{
    credentials_unref(c->fixed);
    c->fixed = NULL;
    secret_release(&c->container_authorization);
    arena_release(&c->arena);
}

/* --- Keys --- */

static int use_environment(struct chain *c, struct err *err)
{
    c->source = CHAIN_FIXED;
    c->from = "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    c->fixed = credentials_new(
        settings_variable("AWS_ACCESS_KEY_ID"), settings_variable("AWS_SECRET_ACCESS_KEY"),
        settings_variable("AWS_SESSION_TOKEN"), (struct wall){0}, c->from, err);
    return c->fixed ? 0 : -1;
}

static int use_keys(struct chain *c, const struct profile *p, enum profile_file file,
                    struct err *err)
{
    const char *token = profile_get_from(p, file, "aws_session_token");
    c->source = CHAIN_FIXED;
    c->from = arena_printf(&c->arena, "keys of profile %s in the %s file", p->name,
                           file == PROFILE_CONFIG ? "config" : "credentials");
    c->fixed = credentials_new(profile_get_from(p, file, "aws_access_key_id"),
                               profile_get_from(p, file, "aws_secret_access_key"), token,
                               (struct wall){0}, c->from, err);
    return c->fixed ? 0 : -1;
}

static bool has_keys(const struct profile *p, enum profile_file file)
{
    return profile_get_from(p, file, "aws_access_key_id") ||
           profile_get_from(p, file, "aws_secret_access_key");
}

static bool has_any_keys(const struct profile *p)
{
    return has_keys(p, PROFILE_CREDENTIALS) || has_keys(p, PROFILE_CONFIG);
}

/* --- Roles --- */

static int read_role(struct chain *c, const struct profile *p, struct chain_role *out,
                     struct err *err)
{
    const char *duration = profile_get(p, NULL, "duration_seconds");
    uint64_t seconds = 0;
    if (profile_get(p, NULL, "mfa_serial"))
        return err_set(err, ERR_SPEC,
                       "profile %s asks for a code of an MFA device, which nobody is here to type: "
                       "let the role trust without one, or use credential_process",
                       p->name);
    if (duration && (num_parse_u64(duration, strlen(duration), &seconds) < 0 || seconds < 900 ||
                     seconds > 43200))
        return err_set(err, ERR_INPUT,
                       "profile %s: duration_seconds must be 900 to 43200, not \"%s\"", p->name,
                       duration);
    *out = (struct chain_role){
        .arn = arena_strdup(&c->arena, profile_get(p, NULL, "role_arn")),
        .external_id = arena_strdup(&c->arena, profile_get(p, NULL, "external_id")),
        .session_name = arena_strdup(&c->arena, profile_get(p, NULL, "role_session_name")),
        .duration_s = (int)seconds,
    };
    return 0;
}

static bool has_role(const struct profile *p)
{
    return profile_get(p, NULL, "role_arn") &&
           (profile_get(p, NULL, "source_profile") || profile_get(p, NULL, "credential_source"));
}

/* --- Containers and instances --- */

/* Plain http only to addresses that never leave the machine or its link. */
static bool is_local_host(const char *url)
{
    static const char *const hosts[] = {"localhost",      "127.",  "169.254.170.2",
                                        "169.254.170.23", "[::1]", "[fd00:ec2::23]"};
    const char *host = url + strlen("http://");
    size_t len = strcspn(host, "/?#");
    if (memchr(host, '@', len))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        size_t n = strlen(hosts[i]);
        if (len < n || strncasecmp(host, hosts[i], n) != 0)
            continue;
        if (!strcmp(hosts[i], "127."))
            n = strspn(host, "0123456789.");
        if (n == len || host[n] == ':')
            return true;
    }
    return false;
}

static int use_container(struct chain *c, struct err *err)
{
    const char *relative = settings_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = settings_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *token = settings_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const char *file = settings_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    c->source = CHAIN_CONTAINER;
    c->from = "the container's credentials";
    if (!relative && !full)
        return err_set(err, ERR_AUTH,
                       "there are no credentials of a container: neither "
                       "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor ..._FULL_URI is set");
    if (relative && *relative != '/')
        return err_set(err, ERR_INPUT, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /");
    if (relative)
        c->container_url = arena_printf(&c->arena, "http://169.254.170.2%s", relative);
    else if (!strncasecmp(full, "https://", 8) ||
             (!strncasecmp(full, "http://", 7) && is_local_host(full)))
        c->container_url = arena_strdup(&c->arena, full);
    else
        return err_set(err, ERR_INPUT,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https://, or http:// to "
                       "loopback, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
    c->token_file = arena_strdup(&c->arena, file);
    if (token && strlen(token) > SECRET_MAX)
        return err_set(err, ERR_INPUT, "AWS_CONTAINER_AUTHORIZATION_TOKEN is too long");
    if (token && !file)
        secret_set(&c->container_authorization, token, strlen(token));
    return 0;
}

static int use_instance(struct chain *c, const struct settings *s, struct err *err)
{
    if (s->is_metadata_disabled)
        return err_set(err, ERR_AUTH,
                       "no AWS credentials: none in the variables, in profile %s of %s and %s or "
                       "of a container, and AWS_EC2_METADATA_DISABLED is true",
                       s->profile, s->credentials_path, s->config_path);
    c->source = CHAIN_INSTANCE;
    c->from = "the instance's metadata service";
    return 0;
}

/* --- One profile --- */

static int use_web_identity(struct chain *c, const struct profile *p, bool is_of_environment,
                            struct err *err)
{
    c->source = CHAIN_WEB_IDENTITY;
    if (!is_of_environment) {
        c->from = arena_printf(&c->arena, "web identity of profile %s", p->name);
        c->token_file = arena_strdup(&c->arena, profile_get(p, NULL, "web_identity_token_file"));
        return read_role(c, p, &c->web_identity, err);
    }
    c->from = "the web identity of AWS_WEB_IDENTITY_TOKEN_FILE";
    c->token_file = arena_strdup(&c->arena, settings_variable("AWS_WEB_IDENTITY_TOKEN_FILE"));
    c->web_identity = (struct chain_role){
        .arn = arena_strdup(&c->arena, settings_variable("AWS_ROLE_ARN")),
        .session_name = arena_strdup(&c->arena, settings_variable("AWS_ROLE_SESSION_NAME")),
    };
    if (!c->web_identity.arn)
        return err_set(err, ERR_INPUT,
                       "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    return 0;
}

static int refuse_login(const struct profile *p, const char *what, struct err *err)
{
    return err_set(err, ERR_SPEC,
                   "profile %s uses %s, which needs a browser and is not supported: give judged a "
                   "role, or put credential_process = aws configure export-credentials --profile "
                   "%s --format process into another profile",
                   p->name, what, p->name);
}

/* Credentials that stand in the profile itself: 1 when there are some, 0 when not, -1. */
static int use_own(struct chain *c, const struct profile *p, struct err *err)
{
    const char *command = profile_get(p, NULL, "credential_process");
    if (profile_get(p, NULL, "web_identity_token_file") && profile_get(p, NULL, "role_arn"))
        return use_web_identity(c, p, false, err) < 0 ? -1 : 1;
    if (profile_get(p, NULL, "sso_session") || profile_get(p, NULL, "sso_start_url"))
        return refuse_login(p, "IAM Identity Center (SSO)", err);
    if (profile_get(p, NULL, "login_session"))
        return refuse_login(p, "a login session", err);
    if (has_keys(p, PROFILE_CREDENTIALS))
        return use_keys(c, p, PROFILE_CREDENTIALS, err) < 0 ? -1 : 1;
    if (command) {
        c->source = CHAIN_PROCESS;
        c->command = arena_strdup(&c->arena, command);
        c->from = arena_printf(&c->arena, "credential_process of profile %s", p->name);
        return 1;
    }
    if (has_keys(p, PROFILE_CONFIG))
        return use_keys(c, p, PROFILE_CONFIG, err) < 0 ? -1 : 1;
    return 0;
}

static int use_named_source(struct walk *w, const struct profile *p, const char *source,
                            struct err *err)
{
    if (!strcasecmp(source, "Environment"))
        return use_environment(w->c, err);
    if (!strcasecmp(source, "EcsContainer"))
        return use_container(w->c, err);
    if (!strcasecmp(source, "Ec2InstanceMetadata"))
        return use_instance(w->c, w->s, err);
    return err_set(err, ERR_INPUT,
                   "profile %s: credential_source must be Environment, Ec2InstanceMetadata or "
                   "EcsContainer, not \"%s\"",
                   p->name, source);
}

static bool was_seen(const struct walk *w, const struct profile *p)
{
    for (size_t i = 0; i < w->seen_count; i++)
        if (w->seen[i] == p)
            return true;
    return false;
}

/* The profile that p's role is taken on with: NULL when its credentials were found (*rc is 0) or
 * something is wrong (-1), else a profile with a role of its own. */
static const struct profile *follow(struct walk *w, const struct profile *p, int *rc,
                                    struct err *err)
{
    const char *name = profile_get(p, NULL, "source_profile");
    const char *source = profile_get(p, NULL, "credential_source");
    const struct profile *next;
    *rc = -1;
    if (name && source) {
        err_set(err, ERR_INPUT, "profile %s has both source_profile and credential_source: use one",
                p->name);
        return NULL;
    }
    if (source) {
        *rc = use_named_source(w, p, source, err);
        return NULL;
    }
    next = profiles_find(&w->files, "profile", name);
    if (!next) {
        err_set(err, ERR_INPUT, "profile %s: its source_profile \"%s\" is not there", p->name,
                name);
        return NULL;
    }
    if (was_seen(w, next) && !(next == p && has_any_keys(p))) {
        err_set(err, ERR_INPUT, "profile %s: its source_profile %s leads back to itself", p->name,
                next->name);
        return NULL;
    }
    if (has_any_keys(next)) {
        *rc = use_keys(w->c, next,
                       has_keys(next, PROFILE_CREDENTIALS) ? PROFILE_CREDENTIALS : PROFILE_CONFIG,
                       err);
        return NULL;
    }
    if (has_role(next))
        return next;
    *rc = use_own(w->c, next, err);
    if (*rc == 0)
        *rc = err_set(err, ERR_AUTH, "profile %s: its source_profile %s has no credentials",
                      p->name, next->name);
    else if (*rc > 0)
        *rc = 0;
    return NULL;
}

static int walk_roles(struct walk *w, const struct profile *p, struct err *err)
{
    int rc = 0;
    while (p) {
        if (w->c->role_count == AWS_CHAIN_MAX)
            return err_set(err, ERR_INPUT, "more than %d roles one after the other", AWS_CHAIN_MAX);
        if (read_role(w->c, p, &w->c->roles[w->c->role_count++], err) < 0)
            return -1;
        w->seen[w->seen_count++] = p;
        p = follow(w, p, &rc, err);
    }
    return rc;
}

/* --- The whole --- */

static int find(struct walk *w, struct err *err)
{
    const struct profile *p = profiles_find(&w->files, "profile", w->s->profile);
    bool are_variables_used = !w->s->is_profile_given;
    int rc;
    if (are_variables_used &&
        (settings_variable("AWS_ACCESS_KEY_ID") || settings_variable("AWS_SECRET_ACCESS_KEY")))
        return use_environment(w->c, err);
    if (p && has_role(p))
        return walk_roles(w, p, err);
    if (are_variables_used && settings_variable("AWS_WEB_IDENTITY_TOKEN_FILE"))
        return use_web_identity(w->c, p, true, err);
    if (p && profile_get(p, NULL, "role_arn") && !profile_get(p, NULL, "web_identity_token_file"))
        return err_set(err, ERR_INPUT,
                       "profile %s has a role_arn, but none of source_profile, credential_source "
                       "and web_identity_token_file",
                       p->name);
    rc = p ? use_own(w->c, p, err) : 0;
    if (rc)
        return rc < 0 ? -1 : 0;
    if (settings_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
        settings_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
        return use_container(w->c, err);
    return use_instance(w->c, w->s, err);
}

int chain_read(struct chain *c, const struct settings *s, struct err *err)
{
    struct walk w = {.c = c, .s = s};
    int rc;
    *c = (struct chain){0};
    arena_init(&c->arena);
    secret_init(&c->container_authorization);
    rc = settings_read_files(s, &w.files, err);
    if (rc == 0)
        rc = find(&w, err);
    profiles_release(&w.files);
    return rc;
}
