/*
 * Options from one table: flags > environment > file > default. `--help`, the man page and the
 * reference page come from the same table. judged and every judgectl command use it.
 */
#ifndef LIB_BASE_OPTIONS_H
#define LIB_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

enum option_type {
    OPTION_STRING,   /* const char * */
    OPTION_BOOL,     /* bool; `--name` or `--name=false` */
    OPTION_INT,      /* int64_t, within [min, max] */
    OPTION_DURATION, /* int64_t microseconds */
    OPTION_BYTES,    /* int64_t, "64MB", "512KB" (powers of 1024) */
    OPTION_CHOICE,   /* const char *, one of choices "a|b|c" */
    OPTION_LIST,     /* const char *; given again, the next is appended after a comma */
};

struct option_row {
    const char *name; /* "listen": flag --listen; in the file `listen:` */
    char letter;      /* -o, or 0 */
    const char *env;  /* "JUDGE_LISTEN" or NULL */
    enum option_type type;
    size_t offset;          /* of the member in the target struct */
    const char *dflt;       /* as text, or NULL */
    int64_t min, max;       /* OPTION_INT, DURATION, BYTES; both 0: no limit */
    const char *choices;    /* OPTION_CHOICE */
    bool is_live;           /* a reload may change it */
    bool file_only_secret;  /* read from the file only, never printed */
    const char *value_name; /* "URL" for --help */
    const char *help;       /* one line */
};

struct options {
    const struct option_row *rows;
    size_t n;
};

/* Positional arguments, in order; the array and the texts live as long as the arena and argv. */
struct option_args {
    const char **values;
    size_t n;
};
struct node;
/*
 * Fills target with defaults, then the file (node tree, may be NULL), environment (a variable that
 * is empty counts as not set), argv. argv[0] is the name of the program or command and is not read;
 * `--` ends the options; `-` is an argument. args may be NULL: then an argument is an error. Texts
 * are copied to the arena. A complaint names the option, where it came from (flag, environment,
 * file line) and what would be right; after it target is half filled: read into a fresh struct,
 * then take it over.
 */
int options_read(const struct options *o, void *target, const struct node *file, int argc,
                 char **argv, struct option_args *args, struct arena *a,
                 struct err *err) WARN_UNUSED;
/* The lines of --help for these rows. */
void options_help(const struct options *o, struct buf *out);
/* The canonical form (YAML) of what is in force: `judged -n`. */
void options_print(const struct options *o, const void *target, struct buf *out);

#endif
