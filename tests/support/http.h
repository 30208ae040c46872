/*
 * A raw HTTP client for tests: bytes out, bytes in, each step with a deadline. Nothing of lib/net
 * is used, so that the server is judged by its wire.
 */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define RAW_REPLY_BYTES 131072

struct raw_reply {
    int status;
    char head[8192];            /* status line and headers, as sent */
    char body[RAW_REPLY_BYTES]; /* chunks joined; NUL-terminated */
    size_t body_len;
    bool closed; /* the server said Connection: close */
};

/* A connected socket, or -1. */
int raw_connect(int port);
int raw_connect_unix(const char *path);
/* 0 or -1. */
int raw_send(int fd, const char *text);
int raw_send_n(int fd, const void *bytes, size_t len);
/* Reads one whole reply; 0, or -1 at the deadline or the end. is_head: no body follows. */
int raw_read_reply(int fd, struct raw_reply *out, int timeout_ms, bool is_head);
/* Reads until `want` has been seen (appending to the NUL-terminated text); 0, or -1. */
int raw_read_until(int fd, char *text, size_t cap, const char *want, int timeout_ms);
/* Does the peer close within the time? Reads and drops what comes before. */
bool raw_is_closed(int fd, int timeout_ms);
/* Connect, send, read one reply, close. */
int raw_call(int port, const char *request, struct raw_reply *out);
/* Value of a header in the head, into out; false when absent. */
bool raw_header(const struct raw_reply *r, const char *name, char *out, size_t cap);

#endif
