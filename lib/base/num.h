/*
 * Numbers and text: strict reading, shortest round-trip writing. Locale-free.
 */
#ifndef LIB_BASE_NUM_H
#define LIB_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUM_TEXT_BYTES 32

/* The whole of text[0..len) as a decimal number; no spaces, no hex, no "inf"/"nan". 0 or -1. */
int num_parse_double(const char *text, size_t len, double *out);
/* Is it written as a decimal number (one too large for a double is, too)? */
bool num_is_decimal(const char *text, size_t len);
int num_parse_i64(const char *text, size_t len, int64_t *out);
int num_parse_u64(const char *text, size_t len, uint64_t *out);

/* "1%", "0.5 %" or "0.01" -> a fraction. 0, or -1. has_percent says which form it was (may be
 * NULL). */
int num_parse_fraction(const char *text, size_t len, double *out, bool *has_percent);

/* Shortest text that reads back as v; integers without ".0"; finite v only (a bug otherwise). */
const char *num_format(double v, char out[NUM_TEXT_BYTES]);

/* For people: 22880 -> "22,880"; 0.031 -> "3.1 %"; significant digits, trailing zeros cut. */
const char *num_words_count(double v, char out[NUM_TEXT_BYTES]);
const char *num_words_percent(double fraction, char out[NUM_TEXT_BYTES]);
const char *num_words(double v, char out[NUM_TEXT_BYTES]); /* three significant digits */

#endif
