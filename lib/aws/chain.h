/*
 * Which credentials the settings name: the first of the AWS tools' chain that is there, and the
 * roles to take on with them (docs/aws.md has the table). Reads variables and files, no network.
 */
#ifndef LIB_AWS_CHAIN_H
#define LIB_AWS_CHAIN_H

#include "lib/aws/credentials.h"
#include "lib/aws/settings.h"

enum chain_source {
    CHAIN_FIXED, /* keys of the environment or a file, in `fixed` */
    CHAIN_PROCESS,
    CHAIN_WEB_IDENTITY,
    CHAIN_CONTAINER,
    CHAIN_INSTANCE,
};

struct chain_role {
    const char *arn;
    const char *external_id;  /* NULL: none */
    const char *session_name; /* NULL: ours */
    int duration_s;           /* 0: AWS's own (an hour) */
};

struct chain {
    struct arena arena;
    enum chain_source source;
    const char *from; /* for messages: "profile dev: credential_process" */
    struct credentials *fixed;
    const char *command;                    /* process */
    const char *token_file;                 /* web identity: the token; container: authorization */
    struct chain_role web_identity;         /* the role its token is for */
    const char *container_url;              /* http or https */
    struct secret container_authorization;  /* when no token_file says it */
    struct chain_role roles[AWS_CHAIN_MAX]; /* the last is taken on first */
    size_t role_count;
};

/* ERR_INPUT (what cannot be read), ERR_SPEC (what is not supported, with what to do instead),
 * ERR_AUTH (no credentials anywhere). To be released in any case. */
int chain_read(struct chain *c, const struct settings *s, struct err *err) WARN_UNUSED;
void chain_release(struct chain *c);

#endif
