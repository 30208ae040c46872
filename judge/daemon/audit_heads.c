#include "judge/daemon/audit_heads.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/store/audit_line.h"

#define AUDIT_HEAD_HOURLY_MS 3600000

int audit_heads_init(struct audit_heads *h, struct store *store, const char *state_dir,
                     struct err *err)
{
    char path[4096];
    *h = (struct audit_heads){.store = store, .due = mono_now()};
    secret_init(&h->seed);
    if (snprintf(path, sizeof(path), "%s/audit.key", state_dir) >= (int)sizeof(path))
        return err_set(err, ERR_INPUT, "the state directory's path is too long");
    if (access(path, F_OK) == 0)
        return secret_load_file(&h->seed, path, err);
    sign_make(&h->seed);
    return secret_save_file(&h->seed, path, err);
}

void audit_heads_release(struct audit_heads *h)
{
    secret_release(&h->seed);
}

void audit_heads_tell(struct audit_heads *h, const char *release)
{
    struct err err = {0};
    struct audit_head head;
    char line[AUDIT_LINE_BYTES];
    if (!secret_is_set(&h->seed))
        return;
    if (store_audit_head(h->store, release, &head, &err) != 0)
        goto failed;
    if (head.n == 0)
        return;
    if (audit_line_sign(&h->seed, release, &head, wall_now(), line, &err) != 0)
        goto failed;
    log_info("audit", "%s", line);
    return;
failed:
    err_context(&err, "telling the head of the audit trail");
    log_err("audit", &err);
}

bool audit_heads_is_due(struct audit_heads *h)
{
    if (mono_until_ms(mono_now(), h->due) > 0)
        return false;
    h->due = mono_add_ms(mono_now(), AUDIT_HEAD_HOURLY_MS);
    return true;
}
