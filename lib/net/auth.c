#include "lib/net/auth.h"

#include <string.h>

static const struct {
    enum auth_scope scope;
    const char *name;
} scope_names[] = {
    {SCOPE_INGEST, "ingest"}, {SCOPE_READ, "read"},         {SCOPE_APPLY, "apply"},
    {SCOPE_DECIDE, "decide"}, {SCOPE_OVERRIDE, "override"}, {SCOPE_ADMIN, "admin"},
};

static void copy_text(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

void principal_init(struct principal *p, const char *name, unsigned scopes)
{
    copy_text(p->name, sizeof(p->name), name);
    p->scopes = scopes;
    p->service_count = 0;
}

bool principal_add_service(struct principal *p, const char *service)
{
    if (p->service_count == AUTH_SERVICES_MAX || strlen(service) >= AUTH_SERVICE_BYTES)
        return false;
    copy_text(p->services[p->service_count++], AUTH_SERVICE_BYTES, service);
    return true;
}

bool principal_has(const struct principal *p, unsigned any_of)
{
    return (p->scopes & (any_of | SCOPE_ADMIN)) != 0;
}

bool principal_may_touch(const struct principal *p, const char *service)
{
    for (size_t i = 0; i < p->service_count; i++)
        if (!strcmp(p->services[i], service))
            return true;
    return p->service_count == 0;
}

int auth_scopes_parse(const char *text, unsigned *out, struct err *err)
{
    unsigned scopes = 0;
    while (*(text += strspn(text, ", "))) {
        size_t len = strcspn(text, ", "), i = 0;
        while (i < ARRAY_LEN(scope_names) &&
               (strlen(scope_names[i].name) != len || memcmp(scope_names[i].name, text, len) != 0))
            i++;
        if (i == ARRAY_LEN(scope_names))
            return err_set(
                err, ERR_INPUT,
                "\"%.*s\" is no scope: want ingest, read, apply, decide, override, admin",
                len < 40 ? (int)len : 40, text);
        scopes |= scope_names[i].scope;
        text += len;
    }
    if (!scopes)
        return err_set(err, ERR_INPUT,
                       "no scope given: want ingest, read, apply, decide, override, admin");
    *out = scopes;
    return 0;
}

void auth_scopes_format(unsigned scopes, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < ARRAY_LEN(scope_names); i++) {
        if (!(scopes & scope_names[i].scope))
            continue;
        buf_addf(out, "%s%s", first ? "" : ",", scope_names[i].name);
        first = false;
    }
}
