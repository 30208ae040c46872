/*
 * Which of a cluster's 16384 slots a key is in.
 */
#ifndef LIB_REDIS_SLOTS_H
#define LIB_REDIS_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define REDIS_SLOTS 16384

struct redis_batch;

/* CRC16 (XMODEM: polynomial 0x1021, from 0) of the bytes between the first { and the next }, when
 * there is at least one; else of the whole key; modulo 16384. */
uint16_t redis_key_slot(const char *key, size_t len);
/* The slot of command i's first key; -1: it names none (WAIT, PING, INFO). */
int redis_batch_slot(const struct redis_batch *b, size_t i);

#endif
