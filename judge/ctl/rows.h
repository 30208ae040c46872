/*
 * The flags commands share, as rows for their tables.
 */
#ifndef JUDGE_CTL_ROWS_H
#define JUDGE_CTL_ROWS_H

#include "judge/ctl/ctl.h"

#define FLAG(member) offsetof(struct flags, member)

#define ROW_STRING(flag, member, value, text)                                                      \
    {                                                                                              \
        .name = flag, .type = OPTION_STRING, .offset = FLAG(member), .dflt = "",                   \
        .value_name = value, .help = text                                                          \
    }
#define ROW_BOOL(flag, member, text)                                                               \
    {                                                                                              \
        .name = flag, .type = OPTION_BOOL, .offset = FLAG(member), .dflt = "false", .help = text   \
    }

/* What every command takes; first in every table. */
#define COMMON_ROWS                                                                                \
    {.name = "url",                                                                                \
     .env = "JUDGE_URL",                                                                           \
     .type = OPTION_STRING,                                                                        \
     .offset = FLAG(url),                                                                          \
     .dflt = "",                                                                                   \
     .value_name = "URL",                                                                          \
     .help = "the service (http://127.0.0.1:8700)"},                                               \
        {.name = "token-file",                                                                     \
         .env = "JUDGE_TOKEN_FILE",                                                                \
         .type = OPTION_STRING,                                                                    \
         .offset = FLAG(token_file),                                                               \
         .dflt = "",                                                                               \
         .value_name = "FILE",                                                                     \
         .help = "file that holds the token (mode 0600); JUDGE_TOKEN holds the token itself"},     \
        {.name = "token",                                                                          \
         .env = "JUDGE_TOKEN",                                                                     \
         .type = OPTION_STRING,                                                                    \
         .offset = FLAG(token),                                                                    \
         .dflt = "",                                                                               \
         .file_only_secret = false,                                                                \
         .value_name = "TOKEN",                                                                    \
         .help = "the token itself; better in the environment, where nobody else sees it"},        \
        {.name = "state",                                                                          \
         .env = "JUDGE_STATE",                                                                     \
         .type = OPTION_STRING,                                                                    \
         .offset = FLAG(state),                                                                    \
         .dflt = "/var/lib/judge",                                                                 \
         .value_name = "DIR",                                                                      \
         .help = "state directory of the local service, whose admin.token is used without the "    \
                 "above, on this machine"},                                                        \
        {.name = "output",                                                                         \
         .letter = 'o',                                                                            \
         .type = OPTION_CHOICE,                                                                    \
         .offset = FLAG(output),                                                                   \
         .dflt = "text",                                                                           \
         .choices = "text|json|yaml",                                                              \
         .help = "form of the result"},                                                            \
    {                                                                                              \
        .name = "help", .letter = 'h', .type = OPTION_BOOL, .offset = FLAG(help), .dflt = "false", \
        .help = "print this and exit"                                                              \
    }

#endif
