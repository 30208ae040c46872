/*
 * audit [RELEASE]: shows a trail. audit verify [RELEASE]: asks whether it is as it was written, and
 * with --head or --logged whether it still holds what was told of it before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "lib/store/audit_line.h"

#define PAGE 500 /* entries asked for at once */

/* Every release has a trail, from its first entry on: an empty one is that of a name mistyped. */
static int check_exists(const char *release, bool has_entries, struct err *err)
{
    if (has_entries || !*release)
        return 0;
    return err_set(err, ERR_NOT_FOUND, "there is no audit trail of a release `%s`", release);
}

static void print_entries(const struct node *entries)
{
    static const char *const keys[] = {"at", "who", "what", "why", "detail"};
    for (const struct node *e = entries ? entries->first : NULL; e; e = e->next) {
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            printf("%s%s", i ? "  " : "", ctl_text(e, keys[i]));
        putchar('\n');
    }
}

/* As text the whole trail, page by page; as a document its first page. */
static int show(const struct flags *f, const char *release, struct arena *a)
{
    struct err err = {0};
    struct arena page;
    const char *cursor = "";
    int status = 0;
    arena_init(&page);
    do {
        struct answer answer;
        const char *path = arena_printf(&page, "/v1/audit?limit=%d&release=%s%s%s", PAGE,
                                        ctl_encode(release, &page), *cursor ? "&cursor=" : "",
                                        ctl_encode(cursor, &page));
        if (ctl_get(f, path, &answer, &page, &err) != 0) {
            status = ctl_fail(&err);
            break;
        }
        const struct node *entries = node_get(answer.json, "entries");
        if (!*cursor && check_exists(release, entries && entries->first, &err) != 0) {
            status = ctl_fail(&err);
            break;
        }
        cursor = arena_strdup(a, ctl_text(answer.json, "next"));
        if (!ctl_print_document(f, answer.body, answer.len, &page)) {
            print_entries(entries);
        } else if (*cursor) {
            fprintf(stderr, "judgectl: these are the first %d entries; --output text has all\n",
                    PAGE);
            break;
        }
        arena_clear(&page);
    } while (*cursor && !interrupted);
    arena_release(&page);
    return status;
}

/* Asks about one trail; head NULL or "N:HASH". ERR_CORRUPT when it is not intact. */
static int ask(const struct flags *f, const char *release, const char *head, struct answer *answer,
               struct arena *a, struct err *err)
{
    const char *path = arena_printf(a, "/v1/audit/verify?release=%s%s%s", ctl_encode(release, a),
                                    head ? "&head=" : "", head ? ctl_encode(head, a) : "");
    if (ctl_get(f, path, answer, a, err) != 0)
        return -1;
    if (!node_get_bool(answer->json, "intact", false))
        return err_set(err, ERR_CORRUPT, "%s", ctl_text(answer->json, "reason"));
    return check_exists(release, node_get_number(answer->json, "entries", 0) > 0, err);
}

static int verify_one(const struct flags *f, const char *release, struct arena *a)
{
    struct err err = {0};
    struct answer answer = {0};
    if (ask(f, release, *f->head ? f->head : NULL, &answer, a, &err) != 0) {
        if (answer.json && err.code == ERR_CORRUPT)
            ctl_print_document(f, answer.body, answer.len, a);
        return ctl_fail(&err);
    }
    if (!ctl_print_document(f, answer.body, answer.len, a))
        printf("intact: %.0f entries, head %s\n", node_get_number(answer.json, "entries", 0),
               ctl_text(answer.json, "head"));
    return 0;
}

/* Each line of a log that holds a head: is it genuine, and is the trail still the one it tells of?
 */
static int verify_logged(const struct flags *f, struct arena *a)
{
    struct err err = {0};
    const char *bytes;
    size_t len, n = 0, wrong = 0;
    char key[SIGN_PUBLIC_TEXT] = "";
    if (ctl_read_file(f->logged, &bytes, &len, a, &err) != 0)
        return ctl_fail(&err);
    for (const char *at = bytes, *end = bytes + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *line = arena_copy(a, at, (size_t)((stop ? stop : end) - at));
        struct audit_line told;
        struct answer answer;
        at = stop ? stop + 1 : end;
        int rc = audit_line_read(line, &told, &err);
        if (rc == 0)
            continue;
        n++;
        if (rc > 0) {
            if (strcmp(key, told.key) != 0)
                printf("signed by %s\n", told.key);
            memcpy(key, told.key, sizeof(key));
            const char *head = arena_printf(a, "%" PRId64 ":%s", told.head.n, told.head.hash);
            rc = ask(f, told.release, head, &answer, a, &err);
            if (rc != 0 && err.code != ERR_CORRUPT)
                return ctl_fail(&err);
        }
        if (rc < 0) {
            wrong++;
            printf("WRONG %s\n", err.message);
        }
    }
    printf("%zu heads read, %zu wrong\n", n, wrong);
    if (n == 0)
        err_set(&err, ERR_INPUT, "%s: no line holds a head of the audit trail", f->logged);
    else if (wrong > 0)
        err_set(&err, ERR_CORRUPT, "the audit trail is not what was logged of it");
    return n == 0 || wrong > 0 ? ctl_fail(&err) : 0;
}

static int audit(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    const bool verifies = args->n > 0 && strcmp(args->values[0], "verify") == 0;
    const size_t first = verifies ? 1 : 0;
    const char *release = args->n > first ? args->values[first] : "";
    if (args->n > first + 1 || (!verifies && (*f->head || *f->logged)) ||
        (*f->logged && (*f->head || *release))) {
        err_set(&err, ERR_USAGE,
                "want `audit [RELEASE]`, `audit verify [RELEASE] [--head N:HASH]` or `audit verify "
                "--logged FILE`");
        return ctl_fail(&err);
    }
    if (!verifies)
        return show(f, release, a);
    return *f->logged ? verify_logged(f, a) : verify_one(f, release, a);
}

static const struct option_row audit_rows[] = {
    COMMON_ROWS,
    ROW_STRING("head", head, "N:HASH", "with verify: entry N must still have this hash"),
    ROW_STRING("logged", logged, "FILE",
               "with verify: check every signed head in this log of judged (or -)"),
};
const struct command audit_command = {
    "audit",    "[verify] [RELEASE]",  0,    2, "show the audit trail, or verify it",
    audit_rows, ARRAY_LEN(audit_rows), audit};
