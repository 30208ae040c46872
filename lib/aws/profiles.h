/*
 * The shared files of the AWS tools: ~/.aws/config and ~/.aws/credentials.
 *
 * Sections [default], [profile name], [services name] (config) or [name] (credentials), settings
 * "name = value", whole lines of comment after '#' or ';', and settings of a setting in indented
 * lines below it:
 *
 *   [services testing]
 *   cloudwatch =
 *     endpoint_url = http://127.0.0.1:4566
 *
 * As in the AWS CLI a '#' inside a value belongs to it. Of a setting stated twice the last counts;
 * of one in both files that of the credentials file. Other sections are skipped.
 */
#ifndef LIB_AWS_PROFILES_H
#define LIB_AWS_PROFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"

enum profile_file { PROFILE_CONFIG, PROFILE_CREDENTIALS };

struct profile_setting {
    const char *parent; /* the setting it is nested in, or NULL */
    const char *name;   /* lower case */
    const char *value;
    enum profile_file file; /* where it stands */
    struct profile_setting *next;
};

struct profile {
    const char *kind; /* "profile", "services" */
    const char *name;
    struct profile_setting *settings;
    size_t setting_count;
    struct profile *next;
};

struct profiles {
    struct arena arena;
    struct profile *first;
    size_t count;
};

void profiles_init(struct profiles *p);
/* Wipes what is secret. */
void profiles_release(struct profiles *p);
/* Adds the text of one file. ERR_INPUT with the line's number when it cannot be read. */
int profiles_add(struct profiles *p, enum profile_file file, const char *text, size_t len,
                 struct err *err) WARN_UNUSED;
/* The same from a file; one that is not there adds nothing. The message names the path. */
int profiles_add_file(struct profiles *p, enum profile_file file, const char *path,
                      struct err *err) WARN_UNUSED;

/* The section, or NULL. */
const struct profile *profiles_find(const struct profiles *p, const char *kind, const char *name);
/* The value of a setting, or NULL (also when p is NULL); `parent` NULL for one that is not nested.
 */
const char *profile_get(const struct profile *p, const char *parent, const char *name);
/* The same, only from one of the files. */
const char *profile_get_from(const struct profile *p, enum profile_file file, const char *name);

#endif
