#include "lib/store/audit_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MARK "audit head "

int audit_line_sign(const struct secret *seed, const char *release, const struct audit_head *head,
                    struct wall at, char out[AUDIT_LINE_BYTES], struct err *err)
{
    char text[WALL_TEXT_BYTES], key[SIGN_PUBLIC_TEXT], signature[SIGN_TEXT];
    const int n = snprintf(out, AUDIT_LINE_BYTES, MARK "trail=%s n=%" PRId64 " hash=%s at=%s",
                           *release ? release : "*", head->n, head->hash, wall_format(at, text));
    const char *signed_text = out + strlen(MARK);
    if (sign_public(seed, key, err) != 0 ||
        sign_text(seed, signed_text, strlen(signed_text), signature, err) != 0)
        return -1;
    snprintf(out + n, (size_t)(AUDIT_LINE_BYTES - n), " key=%s signature=%s", key, signature);
    return 0;
}

/* The value after `name` up to a space or the end, when it fits. */
static bool take(const char *line, const char *name, char *out, size_t size)
{
    const char *at = strstr(line, name);
    if (!at)
        return false;
    at += strlen(name);
    const size_t len = strcspn(at, " \t\r\n");
    if (len == 0 || len >= size)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

int audit_line_read(const char *line, struct audit_line *out, struct err *err)
{
    char n[24], trail[MODEL_NAME_MAX + 1], signature[SIGN_TEXT];
    int end = 0;
    const char *at = strstr(line, MARK "trail=");
    if (!at)
        return 0;
    at += strlen(MARK);
    const char *key = strstr(at, " key=");
    *out = (struct audit_line){0};
    if (!key || !take(at, "trail=", trail, sizeof(trail)) || !take(at, " n=", n, sizeof(n)) ||
        !take(at, " hash=", out->head.hash, sizeof(out->head.hash)) ||
        !take(at, " at=", out->at, sizeof(out->at)) ||
        !take(at, " key=", out->key, sizeof(out->key)) ||
        !take(at, " signature=", signature, sizeof(signature)) ||
        sscanf(n, "%" SCNd64 "%n", &out->head.n, &end) != 1 || n[end] != '\0')
        return err_set(err, ERR_CORRUPT, "a head of the audit trail is cut: %.120s", at);
    if (!sign_is_genuine(out->key, at, (size_t)(key - at), signature))
        return err_set(err, ERR_CORRUPT,
                       "a head of the audit trail was changed: its signature is not that of the "
                       "line: %.120s",
                       at);
    if (strcmp(trail, "*") != 0)
        snprintf(out->release, sizeof(out->release), "%s", trail);
    return 1;
}
