/*
 * Options from one table. Each source (default, file, environment, command line) hands a text and
 * the place it came from to set_value(), so a value is read and complained about in one way only.
 *
 * A secret row is read from the file alone: a command line and an environment are visible to
 * others.
 */
#include "lib/base/options.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/node.h"
#include "lib/base/num.h"

#define HELP_COLUMN    32
#define NAME_BYTES_MAX 64

static const struct {
    const char *name;
    int64_t bytes;
} byte_units[] = {
    {"TB", INT64_C(1) << 40},  {"GB", INT64_C(1) << 30},  {"MB", INT64_C(1) << 20},
    {"KB", INT64_C(1) << 10},  {"TiB", INT64_C(1) << 40}, {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10}, {"B", 1},
};

static int bytes_parse(const char *text, int64_t *out)
{
    size_t len = strlen(text);
    double unit = 1, v;
    for (size_t i = 0; i < ARRAY_LEN(byte_units); i++) {
        size_t n = strlen(byte_units[i].name);
        if (len > n && strcmp(text + len - n, byte_units[i].name) == 0) {
            unit = (double)byte_units[i].bytes;
            len -= n;
            break;
        }
    }
    if (num_parse_double(text, len, &v) != 0 || v < 0)
        return -1;
    v *= unit;
    if (v > 9007199254740992.0 || v != floor(v))
        return -1;
    *out = (int64_t)v;
    return 0;
}

static void bytes_format(int64_t v, struct buf *out)
{
    for (size_t i = 0; v > 0 && i < 4; i++) {
        if (v % byte_units[i].bytes == 0) {
            buf_addf(out, "%" PRId64 "%s", v / byte_units[i].bytes, byte_units[i].name);
            return;
        }
    }
    buf_addf(out, "%" PRId64, v);
}

static int bool_parse(const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2;
            return 0;
        }
    }
    return -1;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && choices) {
        size_t n = strcspn(choices, "|");
        if (n == len && memcmp(choices, text, n) == 0)
            return true;
        choices = choices[n] ? choices + n + 1 : NULL;
    }
    return false;
}

static void format_int(const struct option_row *row, int64_t v, struct buf *out)
{
    char text[WALL_TEXT_BYTES];
    if (row->type == OPTION_DURATION)
        buf_add_str(out, duration_format(v, text));
    else if (row->type == OPTION_BYTES)
        bytes_format(v, out);
    else
        buf_addf(out, "%" PRId64, v);
}

/* "want a duration such as 30s, from 1s to 1h" */
static int refuse_value(const struct option_row *row, const char *text, enum err_code code,
                        struct err *err)
{
    static const char *const wants[] = {
        [OPTION_STRING] = "a text",
        [OPTION_BOOL] = "true or false",
        [OPTION_INT] = "a whole number",
        [OPTION_DURATION] = "a duration such as 500ms, 30s or 1h30m",
        [OPTION_BYTES] = "a size such as 512KB or 64MB",
        [OPTION_CHOICE] = "one of",
        [OPTION_LIST] = "a text",
    };
    struct buf want;
    buf_init(&want, ERR_MESSAGE_BYTES);
    buf_add_str(&want, wants[row->type]);
    if (row->type == OPTION_CHOICE)
        buf_addf(&want, " %s", row->choices);
    if (row->min != 0 || row->max != 0) {
        buf_add_str(&want, ", from ");
        format_int(row, row->min, &want);
        buf_add_str(&want, " to ");
        format_int(row, row->max, &want);
    }
    err_set(err, code, "\"%.64s\" is not taken, want %s", row->file_only_secret ? "..." : text,
            want.data);
    buf_release(&want);
    return -1;
}

static int set_value(const struct option_row *row, void *target, const char *text, struct arena *a,
                     enum err_code code, struct err *err)
{
    void *member = (char *)target + row->offset;
    int64_t v = 0;
    bool is_true;
    int rc = 0;
    switch (row->type) {
    case OPTION_CHOICE:
        if (!is_choice(row->choices, text))
            return refuse_value(row, text, code, err);
        *(const char **)member = arena_strdup(a, text);
        return 0;
    case OPTION_LIST:
        if (*(const char **)member && **(const char **)member)
            text = arena_printf(a, "%s,%s", *(const char **)member, text);
        *(const char **)member = arena_strdup(a, text);
        return 0;
    case OPTION_STRING:
        *(const char **)member = arena_strdup(a, text);
        return 0;
    case OPTION_BOOL:
        if (bool_parse(text, &is_true) != 0)
            return refuse_value(row, text, code, err);
        *(bool *)member = is_true;
        return 0;
    case OPTION_INT:
        rc = num_parse_i64(text, strlen(text), &v);
        break;
    case OPTION_DURATION:
        rc = duration_parse(text, &v);
        break;
    case OPTION_BYTES:
        rc = bytes_parse(text, &v);
        break;
    }
    if (rc != 0 || ((row->min != 0 || row->max != 0) && (v < row->min || v > row->max)))
        return refuse_value(row, text, code, err);
    *(int64_t *)member = v;
    return 0;
}

static bool is_text(const struct option_row *row)
{
    return row->type == OPTION_STRING || row->type == OPTION_CHOICE || row->type == OPTION_LIST;
}

static void set_default(const struct option_row *row, void *target, struct arena *a)
{
    void *member = (char *)target + row->offset;
    struct err err;
    if (row->type == OPTION_LIST)
        *(const char **)member = NULL;
    if (row->dflt)
        BUG_ON(set_value(row, target, row->dflt, a, ERR_USAGE, &err) != 0);
    else if (is_text(row))
        *(const char **)member = NULL;
    else if (row->type == OPTION_BOOL)
        *(bool *)member = false;
    else
        *(int64_t *)member = 0;
}

static const struct option_row *find_name(const struct options *o, const char *name, size_t len)
{
    for (size_t i = 0; i < o->n; i++) {
        if (strlen(o->rows[i].name) == len && memcmp(o->rows[i].name, name, len) == 0)
            return &o->rows[i];
    }
    return NULL;
}

/* Edit distance, for "did you mean"; names longer than NAME_BYTES_MAX are far from everything. */
static size_t distance(const char *a, size_t a_len, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t b_len = strlen(b);
    if (a_len > NAME_BYTES_MAX || b_len > NAME_BYTES_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t best = corner + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            corner = above;
        }
    }
    return row[b_len];
}

static int refuse_name(const struct options *o, const char *name, size_t len, const char *dashes,
                       enum err_code code, struct err *err)
{
    const char *closest = NULL;
    size_t best = len / 3 + 2;
    for (size_t i = 0; i < o->n; i++) {
        size_t d = distance(name, len, o->rows[i].name);
        if (d < best) {
            best = d;
            closest = o->rows[i].name;
        }
    }
    if (len > NAME_BYTES_MAX)
        len = NAME_BYTES_MAX;
    if (closest)
        return err_set(err, code, "there is no option %s%.*s; did you mean %s%s?", dashes, (int)len,
                       name, dashes, closest);
    return err_set(err, code, "there is no option %s%.*s", dashes, (int)len, name);
}

/* --- The file */

static int read_file_option(const struct options *o, void *target, const struct node *n,
                            struct arena *a, struct err *err)
{
    const struct option_row *row = find_name(o, n->key, strlen(n->key));
    if (!row)
        return refuse_name(o, n->key, strlen(n->key), "", ERR_INPUT, err);
    if (n->type == NODE_ARRAY || n->type == NODE_OBJECT || n->type == NODE_NULL)
        err_set(err, ERR_INPUT, "%s, want one value", n->first ? "several values" : "no value");
    else if (set_value(row, target, n->text, a, ERR_INPUT, err) == 0)
        return 0;
    return err_context(err, "%s", row->name);
}

static int read_file(const struct options *o, void *target, const struct node *file,
                     struct arena *a, struct err *err)
{
    if (!file || file->type == NODE_NULL)
        return 0;
    if (file->type != NODE_OBJECT)
        return err_set(err, ERR_INPUT, "the file is of type %s, want `name: value` lines",
                       node_type_name(file->type));
    for (const struct node *n = file->first; n; n = n->next) {
        struct buf where;
        if (read_file_option(o, target, n, a, err) == 0)
            continue;
        buf_init(&where, ERR_MESSAGE_BYTES);
        node_where(n, &where);
        err_context(err, "%s", where.data);
        buf_release(&where);
        return -1;
    }
    return 0;
}

/* --- Environment and command line */

static int read_environment(const struct options *o, void *target, struct arena *a, struct err *err)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct option_row *row = &o->rows[i];
        const char *text = row->env && !row->file_only_secret ? getenv(row->env) : NULL;
        if (!text || !*text)
            continue;
        if (set_value(row, target, text, a, ERR_USAGE, err) != 0)
            return err_context(err, "environment %s", row->env);
    }
    return 0;
}

struct argv_reader {
    const struct options *o;
    void *target;
    int argc;
    char **argv;
    int at;
    struct option_args *args;
    struct arena *arena;
};

static int set_flag(struct argv_reader *r, const struct option_row *row, const char *flag,
                    const char *text, struct err *err)
{
    if (row->file_only_secret)
        return err_set(err, ERR_USAGE, "%s is a secret: it is read from the file only", flag);
    if (!text && row->type == OPTION_BOOL)
        text = "true";
    if (!text && r->at < r->argc)
        text = r->argv[r->at++];
    if (!text)
        return err_set(err, ERR_USAGE, "%s wants a value", flag);
    if (set_value(row, r->target, text, r->arena, ERR_USAGE, err) != 0)
        return err_context(err, "%s", flag);
    return 0;
}

static int read_long(struct argv_reader *r, const char *arg, struct err *err)
{
    size_t len = strcspn(arg + 2, "=");
    const struct option_row *row = find_name(r->o, arg + 2, len);
    char *flag;
    if (!row)
        return refuse_name(r->o, arg + 2, len, "--", ERR_USAGE, err);
    flag = arena_printf(r->arena, "--%s", row->name);
    return set_flag(r, row, flag, arg[2 + len] == '=' ? arg + 2 + len + 1 : NULL, err);
}

/* "-o json", "-ojson", and letters of booleans together: "-qv". */
static int read_letters(struct argv_reader *r, const char *arg, struct err *err)
{
    for (size_t at = 1; arg[at]; at++) {
        const struct option_row *row = NULL;
        const char flag[3] = {'-', arg[at], '\0'};
        for (size_t i = 0; i < r->o->n && !row; i++) {
            if (r->o->rows[i].letter == arg[at])
                row = &r->o->rows[i];
        }
        if (!row)
            return err_set(err, ERR_USAGE, "there is no option %s", flag);
        if (row->type != OPTION_BOOL)
            return set_flag(r, row, flag, arg[at + 1] ? arg + at + 1 : NULL, err);
        if (set_flag(r, row, flag, NULL, err) != 0)
            return -1;
    }
    return 0;
}

static int read_argv(struct argv_reader *r, struct err *err)
{
    bool only_args = false;
    if (r->args)
        *r->args = (struct option_args){
            .values = arena_array(r->arena, (size_t)r->argc + 1, sizeof(*r->args->values))};
    while (r->at < r->argc) {
        const char *arg = r->argv[r->at++];
        int rc = 0;
        if (only_args || arg[0] != '-' || !arg[1]) {
            if (!r->args)
                return err_set(err, ERR_USAGE, "unexpected argument \"%.64s\"", arg);
            r->args->values[r->args->n++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            only_args = true;
        } else {
            rc = arg[1] == '-' ? read_long(r, arg, err) : read_letters(r, arg, err);
        }
        if (rc != 0)
            return -1;
    }
    return 0;
}

int options_read(const struct options *o, void *target, const struct node *file, int argc,
                 char **argv, struct option_args *args, struct arena *a, struct err *err)
{
    struct argv_reader r = {
        .o = o, .target = target, .argc = argc, .argv = argv, .at = 1, .args = args, .arena = a};
    for (size_t i = 0; i < o->n; i++)
        set_default(&o->rows[i], target, a);
    if (read_file(o, target, file, a, err) != 0 || read_environment(o, target, a, err) != 0)
        return -1;
    return read_argv(&r, err);
}

/* --- Showing them */

void options_help(const struct options *o, struct buf *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct option_row *row = &o->rows[i];
        size_t start = out->len, used;
        if (row->file_only_secret)
            buf_addf(out, "      %s: ... (file only)", row->name);
        else if (row->letter)
            buf_addf(out, "  -%c, --%s", row->letter, row->name);
        else
            buf_addf(out, "      --%s", row->name);
        if (row->type != OPTION_BOOL && !row->file_only_secret)
            buf_addf(out, " %s",
                     row->value_name                ? row->value_name
                     : row->type == OPTION_CHOICE   ? row->choices
                     : row->type == OPTION_DURATION ? "DURATION"
                     : row->type == OPTION_BYTES    ? "SIZE"
                     : row->type == OPTION_INT      ? "N"
                                                    : "TEXT");
        used = out->len - start;
        if (used + 2 > HELP_COLUMN)
            buf_addf(out, "\n%*s", HELP_COLUMN, "");
        else
            buf_addf(out, "%*s", (int)(HELP_COLUMN - used), "");
        buf_add_str(out, row->help);
        if (row->dflt && *row->dflt && !row->file_only_secret &&
            !(row->type == OPTION_BOOL && strcmp(row->dflt, "false") == 0))
            buf_addf(out, " (default: %s)", row->dflt);
        if (row->env && !row->file_only_secret)
            buf_addf(out, " [%s]", row->env);
        buf_add_char(out, '\n');
    }
}

void options_print(const struct options *o, const void *target, struct buf *out)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct option_row *row = &o->rows[i];
        const void *member = (const char *)target + row->offset;
        const char *text = NULL;
        if (is_text(row))
            text = *(const char *const *)member;
        /* A comment keeps the line out of what is read back. */
        if (row->file_only_secret || (is_text(row) && !text)) {
            buf_addf(out, "# %s: %s\n", row->name,
                     is_text(row) && !text ? "not set" : "set, not shown");
            continue;
        }
        buf_addf(out, "%s: ", row->name);
        if (is_text(row))
            node_yaml_string(out, text, strlen(text));
        else if (row->type == OPTION_BOOL)
            buf_add_str(out, *(const bool *)member ? "true" : "false");
        else
            format_int(row, *(const int64_t *)member, out);
        buf_add_char(out, '\n');
    }
}
