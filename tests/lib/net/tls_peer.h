/*
 * A TLS server for tests of one file: a self-signed certificate made on the spot (for a name and
 * for 127.0.0.1), one thread, connections one after the other, each echoed until its end. In a
 * header because only tests that link OpenSSL may hold it.
 */
#ifndef TESTS_LIB_NET_TLS_PEER_H
#define TESTS_LIB_NET_TLS_PEER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_peer {
    SSL_CTX *ctx;
    int listener;
    int port;
    pthread_t thread;
};

static void tls_peer_add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (!extension)
        abort();
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static X509 *tls_peer_certificate(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    char names[256];
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    snprintf(names, sizeof(names), "DNS:%s,IP:127.0.0.1", name);
    tls_peer_add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    tls_peer_add_extension(cert, NID_subject_alt_name, names);
    if (!X509_sign(cert, key, EVP_sha256()))
        abort();
    return cert;
}

static void *tls_peer_run(void *arg)
{
    struct tls_peer *p = arg;
    int fd;
    while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
        SSL *ssl = SSL_new(p->ctx);
        char bytes[8192];
        int n;
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1)
            while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
                if (SSL_write(ssl, bytes, n) != n)
                    break;
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

/* Writes the certificate, its own CA, to ca_path. */
static void tls_peer_start(struct tls_peer *p, const char *name, const char *ca_path)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = tls_peer_certificate(key, name);
    FILE *out = fopen(ca_path, "w");
    signal(SIGPIPE, SIG_IGN);
    if (!out || PEM_write_X509(out, cert) != 1)
        abort();
    fclose(out);
    p->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(p->ctx, cert);
    SSL_CTX_use_PrivateKey(p->ctx, key);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(p->listener, (struct sockaddr *)&at, len) < 0 || listen(p->listener, 8) < 0 ||
        getsockname(p->listener, (struct sockaddr *)&at, &len) < 0)
        abort();
    p->port = ntohs(at.sin_port);
    X509_free(cert);
    EVP_PKEY_free(key);
    if (pthread_create(&p->thread, NULL, tls_peer_run, p) != 0)
        abort();
}

static void tls_peer_stop(struct tls_peer *p)
{
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
    SSL_CTX_free(p->ctx);
}

#endif
