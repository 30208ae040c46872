#include "lib/aws/profiles.h"

#include "lib/aws/limits.h"
#include "lib/base/buf.h"
#include "lib/crypto/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void profiles_init(struct profiles *p)
{
    *p = (struct profiles){0};
    arena_init(&p->arena);
}

static void wipe(const char *text)
{
    union {
        const char *text;
        char *bytes;
    } of = {.text = text};
    secret_wipe(of.bytes, strlen(of.text));
}

void profiles_release(struct profiles *p)
{
    for (struct profile *s = p->first; s; s = s->next)
        for (struct profile_setting *t = s->settings; t; t = t->next)
            if (strstr(t->name, "secret") || strstr(t->name, "token"))
                wipe(t->value);
    arena_release(&p->arena);
    p->first = NULL;
}

const struct profile *profiles_find(const struct profiles *p, const char *kind, const char *name)
{
    for (const struct profile *s = p->first; s; s = s->next)
        if (!strcmp(s->kind, kind) && !strcmp(s->name, name))
            return s;
    return NULL;
}

static bool is_of(const struct profile_setting *t, const char *parent, const char *name)
{
    if (!t->parent != !parent || (parent && strcmp(t->parent, parent) != 0))
        return false;
    return !strcmp(t->name, name);
}

/* Settings are kept newest first, so the first that fits counts; the credentials file's counts
 * more than the config file's. */
const char *profile_get(const struct profile *p, const char *parent, const char *name)
{
    const char *value = NULL;
    for (const struct profile_setting *t = p ? p->settings : NULL; t; t = t->next) {
        if (!is_of(t, parent, name))
            continue;
        if (t->file == PROFILE_CREDENTIALS)
            return t->value;
        if (!value)
            value = t->value;
    }
    return value;
}

const char *profile_get_from(const struct profile *p, enum profile_file file, const char *name)
{
    for (const struct profile_setting *t = p ? p->settings : NULL; t; t = t->next)
        if (t->file == file && is_of(t, NULL, name))
            return t->value;
    return NULL;
}

/* --- Reading --- */

struct line {
    const char *text;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct line trim(struct line l)
{
    while (l.len && is_blank(l.text[0])) {
        l.text++;
        l.len--;
    }
    while (l.len && is_blank(l.text[l.len - 1]))
        l.len--;
    return l;
}

struct reader {
    struct profiles *p;
    enum profile_file file;
    struct profile *section; /* NULL: before the first, or in one that is skipped */
    bool has_section;
    const char *parent; /* the setting that indented lines belong to; NULL: none is open */
    int number;
};

/* The section of that kind and name, made when it is new. */
static int open_section(struct reader *r, const char *kind, struct line name, struct err *err)
{
    struct profiles *p = r->p;
    const char *text = arena_copy(&p->arena, name.text, name.len);
    r->parent = NULL;
    for (r->section = p->first; r->section; r->section = r->section->next)
        if (!strcmp(r->section->kind, kind) && !strcmp(r->section->name, text))
            return 0;
    if (++p->count > AWS_FILE_PROFILES_MAX)
        return err_set(err, ERR_INPUT, "line %d: more than %d sections", r->number,
                       AWS_FILE_PROFILES_MAX);
    r->section = arena_alloc(&p->arena, sizeof(*r->section));
    *r->section = (struct profile){.kind = kind, .name = text, .next = p->first};
    p->first = r->section;
    return 0;
}

/* A name with spaces stands in quotes: [profile 'my hub']. */
static struct line unquote(struct line l)
{
    const char quote = l.len > 2 ? l.text[0] : '\0';
    if ((quote == '\'' || quote == '"') && l.text[l.len - 1] == quote)
        return (struct line){l.text + 1, l.len - 2};
    return l;
}

static bool takes_word(struct line *l, const char *word)
{
    size_t len = strlen(word);
    if (l->len <= len || memcmp(l->text, word, len) != 0 || !is_blank(l->text[len]))
        return false;
    *l = unquote(trim((struct line){l->text + len, l->len - len}));
    return true;
}

static int read_section(struct reader *r, struct line l, struct err *err)
{
    const char *end = memchr(l.text, ']', l.len);
    struct line name;
    if (!end)
        return err_set(err, ERR_INPUT, "line %d: a section is written [name]", r->number);
    name = trim((struct line){l.text + 1, (size_t)(end - l.text) - 1});
    r->has_section = true;
    if (r->file == PROFILE_CREDENTIALS || (name.len == 7 && !memcmp(name.text, "default", 7)))
        return open_section(r, "profile", name, err);
    if (takes_word(&name, "profile"))
        return open_section(r, "profile", name, err);
    if (takes_word(&name, "services"))
        return open_section(r, "services", name, err);
    r->section = NULL;
    return 0;
}

static int add_setting(struct reader *r, struct line name, struct line value, bool is_nested,
                       struct err *err)
{
    struct arena *a = &r->p->arena;
    struct profile_setting *t;
    char *lower;
    if (r->section->setting_count++ == AWS_FILE_SETTINGS_MAX)
        return err_set(err, ERR_INPUT, "line %d: more than %d settings in one section", r->number,
                       AWS_FILE_SETTINGS_MAX);
    lower = arena_copy(a, name.text, name.len);
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    t = arena_alloc(a, sizeof(*t));
    t->parent = is_nested ? r->parent : NULL;
    t->name = lower;
    t->value = arena_copy(a, value.text, value.len);
    t->file = r->file;
    t->next = r->section->settings;
    r->section->settings = t;
    if (!is_nested)
        r->parent = lower;
    return 0;
}

static int read_setting(struct reader *r, struct line whole, struct err *err)
{
    bool is_nested = is_blank(whole.text[0]);
    struct line l = trim(whole), name, value;
    size_t at = 0;
    if (!r->has_section)
        return err_set(err, ERR_INPUT, "line %d: a setting before the first [section]", r->number);
    if (!r->section)
        return 0;
    while (at < l.len && l.text[at] != '=' && l.text[at] != ':')
        at++;
    if (is_nested && (!r->parent || at == l.len))
        return 0; /* the rest of a long value: none of ours has one */
    if (at == l.len || !at)
        return err_set(err, ERR_INPUT, "line %d: a setting is written name = value", r->number);
    name = trim((struct line){l.text, at});
    value = trim((struct line){l.text + at + 1, l.len - at - 1});
    return add_setting(r, name, value, is_nested, err);
}

int profiles_add(struct profiles *p, enum profile_file file, const char *text, size_t len,
                 struct err *err)
{
    struct reader r = {.p = p, .file = file};
    const char *end = text + len;
    if (len > AWS_FILE_MAX)
        return err_set(err, ERR_INPUT, "it is longer than %d bytes", AWS_FILE_MAX);
    if (memchr(text, '\0', len))
        return err_set(err, ERR_INPUT, "it holds a NUL: it is no text");
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        struct line whole = {text, (size_t)((stop ? stop : end) - text)};
        struct line l = trim(whole);
        int rc = 0;
        if (++r.number > AWS_FILE_LINES_MAX)
            return err_set(err, ERR_INPUT, "it has more than %d lines", AWS_FILE_LINES_MAX);
        if (l.len && l.text[0] == '[' && l.text == whole.text)
            rc = read_section(&r, l, err);
        else if (l.len && l.text[0] != '#' && l.text[0] != ';')
            rc = read_setting(&r, whole, err);
        if (rc < 0)
            return -1;
        text = stop ? stop + 1 : end;
    }
    return 0;
}

int profiles_add_file(struct profiles *p, enum profile_file file, const char *path, struct err *err)
{
    struct buf text;
    char *to;
    ssize_t n = 0;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return err_set_errno(err, ERR_INPUT, "%s", path);
    buf_init(&text, AWS_FILE_MAX + 4096);
    while ((to = buf_reserve(&text, 4096)) && (n = read(fd, to, 4096)) > 0)
        buf_commit(&text, (size_t)n);
    close(fd);
    if (n < 0)
        rc = err_set_errno(err, ERR_INPUT, "%s", path);
    else if ((rc = profiles_add(p, file, text.data, text.len, err)) < 0)
        err_context(err, "%s", path);
    secret_wipe(text.data, text.len);
    buf_release(&text);
    return rc;
}
