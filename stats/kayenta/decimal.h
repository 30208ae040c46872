/*
 * Doubles as the decimal numbers that Java sees in them.
 *
 * The judge rounds a score on the digits of its shortest decimal form, not on its binary value:
 * 16.665 becomes 16.67 although the double lies a little below. The messages of a gate print scores
 * as Java does ("100.0", "1.0E7").
 */
#ifndef STATS_DECIMAL_H
#define STATS_DECIMAL_H

#define DECIMAL_TEXT_BYTES 48

/* To two decimals, halves away from zero; values that are not finite come back as they are. */
double decimal_round_2(double x);

/* Double.toString of a Java that prints the shortest digits. Returns out. */
const char *decimal_java_text(double x, char out[DECIMAL_TEXT_BYTES]);

#endif
