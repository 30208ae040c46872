/*
 * The settings of the AWS tools that we follow: variables first, then the profile of the shared
 * files (docs/aws.md has the table).
 */
#ifndef LIB_AWS_SETTINGS_H
#define LIB_AWS_SETTINGS_H

#include <stdbool.h>

#include "lib/aws/aws.h"
#include "lib/aws/profiles.h"
#include "lib/aws/service.h"
#include "lib/base/arena.h"

#define SERVICES_MAX 64 /* rows of the table of services */

struct settings {
    struct arena arena;
    const char *profile;
    bool is_profile_given; /* by the config: then variables hold no credentials for us */
    const char *config_path;
    const char *credentials_path;
    const char *region; /* NULL: none is set */
    const char *ca_file;
    bool use_fips;
    bool use_dualstack;
    int max_attempts;
    const char *endpoint_url[SERVICES_MAX]; /* by row of the table; NULL: the region's own */
    const char *metadata_url;               /* of IMDS, without '/' at the end */
    bool is_metadata_disabled;
    bool is_metadata_v1_allowed;
};

/* Reads variables and files. See aws_open for errors. */
int settings_read(struct settings *s, const struct aws_config *config, struct err *err) WARN_UNUSED;
void settings_release(struct settings *s);

/* Both files as they are now. ERR_INPUT; `files` is to be released in any case. */
int settings_read_files(const struct settings *s, struct profiles *files,
                        struct err *err) WARN_UNUSED;

/* The variable's value; NULL when it is unset or empty. */
const char *settings_variable(const char *name);

/* Lower-case letters, digits and '-': nothing else may become part of a host name. */
bool settings_is_region(const char *text);

#endif
