/*
 * The TLS half of stream.c, for it alone: OpenSSL over a nonblocking descriptor.
 */
#ifndef LIB_NET_TLS_H
#define LIB_NET_TLS_H

#include "lib/net/stream.h"

struct tls;

/* name: for SNI and verification (a numeric one is matched against the certificate's addresses). */
struct tls *tls_new(struct tls_context *context, char *name, int fd, struct err *err) WARN_UNUSED;
void tls_free(struct tls *t); /* tries close_notify once */
enum stream_status tls_handshake(struct tls *t, struct err *err);
enum stream_status tls_read(struct tls *t, void *out, size_t cap, size_t *n, struct err *err);
enum stream_status tls_write(struct tls *t, const void *bytes, size_t len, size_t *n,
                             struct err *err);
bool tls_has_pending(const struct tls *t);

#endif
