#include "lib/net/tls.h"

#include "lib/net/http_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_context {
    SSL_CTX *ctx;
    bool skip_verify;
};

struct tls {
    SSL *ssl;
    bool is_failed; /* OpenSSL forbids SSL_shutdown after a fatal error */
};

/* The oldest of OpenSSL's queued reasons, which is the cause; the queue is emptied. */
static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text ? text : "no reason given";
}

static int load(struct tls_context *t, const struct tls_options *o, struct err *err)
{
    const char *ca = o->ca_file ? o->ca_file : o->ca_path;
    if (ca ? SSL_CTX_load_verify_locations(t->ctx, o->ca_file, o->ca_path) != 1
           : SSL_CTX_set_default_verify_paths(t->ctx) != 1)
        return err_set(err, ERR_INPUT, "reading the CA file %s: %s", ca ? ca : "of the system",
                       reason());
    if (o->cert_file && SSL_CTX_use_certificate_chain_file(t->ctx, o->cert_file) != 1)
        return err_set(err, ERR_INPUT, "reading the certificate %s: %s", o->cert_file, reason());
    if (o->key_file && (SSL_CTX_use_PrivateKey_file(t->ctx, o->key_file, SSL_FILETYPE_PEM) != 1 ||
                        SSL_CTX_check_private_key(t->ctx) != 1))
        return err_set(err, ERR_INPUT, "reading the key %s: %s", o->key_file, reason());
    return 0;
}

struct tls_context *tls_context_new(const struct tls_options *o, struct err *err)
{
    struct tls_context *t = mem_alloc(sizeof(*t));
    net_start();
    t->ctx = SSL_CTX_new(TLS_client_method());
    BUG_ON(!t->ctx);
    t->skip_verify = o->skip_verify;
    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(t->ctx, o->skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (load(t, o, err) < 0) {
        tls_context_free(t);
        return NULL;
    }
    return t;
}

void tls_context_free(struct tls_context *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

/* Whom the certificate must name. Not const only because of an OpenSSL macro. */
static bool expect_name(SSL *ssl, char *name)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct tls *tls_new(struct tls_context *context, char *name, int fd, struct err *err)
{
    struct tls *t = mem_alloc(sizeof(*t));
    t->ssl = SSL_new(context->ctx);
    BUG_ON(!t->ssl);
    if ((!name && !context->skip_verify) || (name && !expect_name(t->ssl, name)) ||
        SSL_set_fd(t->ssl, fd) != 1) {
        err_set(err, ERR_INPUT, "TLS to %s: %s", name ? name : "a nameless peer", reason());
        SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    SSL_set_connect_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    if (!t->is_failed && SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
    SSL_free(t->ssl);
    free(t);
}

static enum stream_status fail(struct tls *t, int ssl_error, const char *what, struct err *err)
{
    long verify = SSL_get_verify_result(t->ssl);
    t->is_failed = true;
    if (!SSL_is_init_finished(t->ssl) && verify != X509_V_OK &&
        SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE)
        err_set(err, ERR_AUTH, "TLS: the certificate is not trusted: %s",
                X509_verify_cert_error_string(verify));
    else if (ssl_error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
        err_set_errno(err, ERR_NETWORK, "TLS %s", what);
    else
        err_set(err, ERR_NETWORK, "TLS %s: %s", what, reason());
    ERR_clear_error();
    return STREAM_FAILED;
}

static enum stream_status outcome(struct tls *t, int result, const char *what, struct err *err)
{
    int ssl_error;
    if (result > 0)
        return STREAM_OK;
    ssl_error = SSL_get_error(t->ssl, result);
    if (ssl_error == SSL_ERROR_WANT_READ)
        return STREAM_WANT_READ;
    if (ssl_error == SSL_ERROR_WANT_WRITE)
        return STREAM_WANT_WRITE;
    if (ssl_error == SSL_ERROR_ZERO_RETURN)
        return STREAM_END;
    return fail(t, ssl_error, what, err);
}

enum stream_status tls_handshake(struct tls *t, struct err *err)
{
    enum stream_status status;
    ERR_clear_error();
    errno = 0;
    status = outcome(t, SSL_do_handshake(t->ssl), "handshake", err);
    if (status == STREAM_END) {
        err_set(err, ERR_NETWORK, "TLS handshake: the peer closed");
        return STREAM_FAILED;
    }
    return status;
}

enum stream_status tls_read(struct tls *t, void *out, size_t cap, size_t *n, struct err *err)
{
    int got;
    ERR_clear_error();
    errno = 0;
    got = SSL_read(t->ssl, out, cap < INT_MAX ? (int)cap : INT_MAX);
    *n = got > 0 ? (size_t)got : 0;
    return outcome(t, got, "read", err);
}

enum stream_status tls_write(struct tls *t, const void *bytes, size_t len, size_t *n,
                             struct err *err)
{
    enum stream_status status;
    int put;
    ERR_clear_error();
    errno = 0;
    put = SSL_write(t->ssl, bytes, len < INT_MAX ? (int)len : INT_MAX);
    *n = put > 0 ? (size_t)put : 0;
    status = outcome(t, put, "write", err);
    if (status == STREAM_END) {
        err_set(err, ERR_NETWORK, "TLS write: the peer closed");
        return STREAM_FAILED;
    }
    return status;
}

bool tls_has_pending(const struct tls *t)
{
    return SSL_has_pending(t->ssl) == 1;
}
