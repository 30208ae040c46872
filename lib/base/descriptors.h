/*
 * The three descriptors every program believes it has.
 */
#ifndef LIB_BASE_DESCRIPTORS_H
#define LIB_BASE_DESCRIPTORS_H

/*
 * For the start of main(), before anything is opened. A program may be started with standard input,
 * output or error closed; the next file or connection would then take its number, and what is
 * printed or logged would be written into it. Holds the places: reading and writing there fails
 * with EBADF, as on a closed descriptor.
 */
void descriptors_hold_standard(void);

#endif
