/*
 * The operator's connections: where and as whom, by name (section `connections` of the
 * configuration).
 *
 *   edge: {kind: haproxy, socket: /run/haproxy/admin.sock, services: [checkout]}
 *   team-chat: {kind: webhook, url: "https://chat.example/hook", secret_ref: chat}
 *
 * `kind` is a platform or a source; the other members are that word's target fields. `services`
 * limits who may use it; without it every service may. A connection of kind webhook may also be
 * told of verdicts (`notify`), signed with the secret `secret_ref` names.
 */
#ifndef JUDGE_DAEMON_CONNECTIONS_H
#define JUDGE_DAEMON_CONNECTIONS_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/node.h"
#include "lib/model/spec.h"

/* Is every connection one that can be used? Values are not repeated in the message. NULL: yes. */
int connections_check(const struct node *connections, const struct vocabulary *v,
                      struct err *err) WARN_UNUSED;
/* May the spec's service use every connection the spec names, and can those that are to be told be
 * called? ERR_SPEC: there is none of that name, or of another kind; ERR_FORBIDDEN: it is for other
 * services. */
int connections_allow(const struct spec *spec, const struct node *connections,
                      struct err *err) WARN_UNUSED;
/* Does its list of services hold this one, or has it none? */
bool connection_is_for(const struct node *connection, const char *service);
/* The address behind a notification's `to`: itself when it is a URL, else the connection's. NULL
 * when there is none. *secret_ref (may be NULL) is set to the connection's, or to NULL. */
const char *connection_url(const struct node *connections, const char *to, const char **secret_ref);

#endif
