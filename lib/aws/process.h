/*
 * credential_process: a program that prints credentials as JSON. It is started without a shell.
 */
#ifndef LIB_AWS_PROCESS_H
#define LIB_AWS_PROCESS_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"

#define PROCESS_WORDS_MAX 64

/* Splits a command line as a shell would that knows quotes and backslashes and nothing else.
 * Returns the words, the last followed by NULL, or NULL with ERR_INPUT: an open quote, no word, too
 * many. */
char **process_split(struct arena *a, const char *command, struct err *err) WARN_UNUSED;

#endif
