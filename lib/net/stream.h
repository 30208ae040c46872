/*
 * Byte streams over TCP, unix sockets and TLS (OpenSSL), in two manners over one type.
 *
 * Blocking with a deadline: stream_connect, stream_read, stream_write. For the haproxy platform and
 * other callers with a thread of their own.
 * Nonblocking: stream_start, stream_advance, stream_try_read, stream_try_write, with stream_fd in
 * the caller's epoll. Each says what it waits for; under TLS a read may wait for writability and
 * the reverse. After a read that filled its buffer, stream_has_pending tells of bytes already
 * decrypted, for which epoll will not wake.
 *
 * A stream belongs to one thread at a time. TLS verifies chain and name unless the context says
 * otherwise. The descriptor is nonblocking and close-on-exec always. SIGPIPE is ignored
 * process-wide from the first stream on.
 */
#ifndef LIB_NET_STREAM_H
#define LIB_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

struct stream;
struct guard;
struct tls_context;

struct tls_options {
    const char *ca_file;   /* PEM; both NULL: the system's */
    const char *ca_path;   /* directory of hashed certificates (c_rehash), or NULL */
    const char *cert_file; /* client certificate, PEM, or NULL */
    const char *key_file;
    bool skip_verify; /* a test's or an operator's explicit wish */
};
/* Costs milliseconds (reads the CA file): make one and share it; any thread may use it. */
struct tls_context *tls_context_new(const struct tls_options *o, struct err *err) WARN_UNUSED;
void tls_context_free(struct tls_context *t); /* after the last stream that uses it */

struct stream_address {
    const char *unix_path; /* or NULL, then host and port */
    const char *host;      /* name or numeric address */
    int port;
    struct tls_context *tls;   /* NULL: plain */
    const char *server_name;   /* for SNI and verification; NULL: host */
    const struct guard *guard; /* NULL: any address */
};

/* Connected and, under TLS, shaken hands; tries each address of a name. ERR_NETWORK, ERR_TIMEOUT,
 * ERR_FORBIDDEN (guard), ERR_AUTH (certificate). */
struct stream *stream_connect(const struct stream_address *to, struct mono deadline,
                              struct err *err) WARN_UNUSED;
void stream_close(struct stream *s); /* NULL is fine; TLS close_notify is tried once */

/* At least one byte: returns how many; 0 at the peer's end; -1 on error. */
long stream_read(struct stream *s, void *out, size_t cap, struct mono deadline, struct err *err);
/* All of it or -1. */
int stream_write(struct stream *s, const void *bytes, size_t len, struct mono deadline,
                 struct err *err) WARN_UNUSED;
/* Everything until the peer's end; ERR_TOO_LARGE past out's ceiling. */
int stream_read_all(struct stream *s, struct buf *out, struct mono deadline,
                    struct err *err) WARN_UNUSED;
/* Half-close: nothing more will be written. */
int stream_finish_writing(struct stream *s, struct err *err) WARN_UNUSED;

enum stream_status {
    STREAM_OK,         /* done; for try_read and try_write: *n > 0 bytes moved */
    STREAM_WANT_READ,  /* wait for EPOLLIN, then call again */
    STREAM_WANT_WRITE, /* wait for EPOLLOUT, then call again */
    STREAM_END,        /* the peer closed (try_read only) */
    STREAM_FAILED,     /* err says why; close it */
};

/* Begins connecting; then call stream_advance until STREAM_OK. A host name is resolved here, within
 * `resolve_by` at most (numeric addresses and unix paths never block). When stream_advance moves on
 * to another address, stream_fd changes: add it to epoll anew after each WANT_*. */
struct stream *stream_start(const struct stream_address *to, struct mono resolve_by,
                            struct err *err) WARN_UNUSED;
enum stream_status stream_advance(struct stream *s, struct err *err);
enum stream_status stream_try_read(struct stream *s, void *out, size_t cap, size_t *n,
                                   struct err *err);
enum stream_status stream_try_write(struct stream *s, const void *bytes, size_t len, size_t *n,
                                    struct err *err);
int stream_fd(const struct stream *s);
bool stream_has_pending(const struct stream *s);
/* "127.0.0.1:6379", "unix:/run/x.sock": for messages. */
const char *stream_peer(const struct stream *s);

#endif
