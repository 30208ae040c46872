/*
 * Certificates for a test, made by the openssl command in a directory: an authority (ca.pem), a
 * server's (server.pem, server.key), a client's (client.pem, client.key) and a second authority
 * nobody trusts (other.pem). Valid for two days.
 */
#ifndef TESTS_SUPPORT_CERTIFICATES_H
#define TESTS_SUPPORT_CERTIFICATES_H

#include <stdbool.h>

/* names: the server's, such as "DNS:localhost,IP:127.0.0.1". false: the running test is failed. */
bool certificates_make(const char *dir, const char *names);

/* Runs the openssl command in `dir` with these words ("openssl" first, NULL behind the last). */
bool certificates_run(const char *dir, const char *const *words);

#endif
