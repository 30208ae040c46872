/*
 * Pauses for addresses that keep sending wrong credentials.
 *
 * BACKOFF_FREE_FAILURES wrong ones are free, then each doubles the pause, 1 s to BACKOFF_MAX_S; a
 * right one, or two minutes without a wrong one, forgets. While an address is paused its
 * credentials are not looked at. Loopback and unix sockets are never paused: there a misconfigured
 * neighbour would lock out everybody. IPv6 addresses count by /64. The table has a fixed size; when
 * two addresses share a place the newer one takes it, which can only forget failures. Any thread.
 */
#ifndef LIB_NET_BACKOFF_H
#define LIB_NET_BACKOFF_H

#include <sys/socket.h>

#include "lib/base/clock.h"

struct backoff;

struct backoff *backoff_new(void);
void backoff_free(struct backoff *b);
/* What the table knows an address by; 0: never paused. */
uint64_t backoff_key(const struct sockaddr *peer);
/* Seconds this address still has to wait, 0: none. */
int backoff_wait_s(struct backoff *b, uint64_t key, struct mono now);
void backoff_failed(struct backoff *b, uint64_t key, struct mono now);
void backoff_succeeded(struct backoff *b, uint64_t key);

#endif
