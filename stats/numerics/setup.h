/*
 * GSL aborts the process on a domain error or an underflow unless it is told not to. Our functions
 * look at every status and result themselves.
 */
#ifndef STATS_SETUP_H
#define STATS_SETUP_H

/* Turns GSL's aborting handler off. Once a process; further calls, from any thread, do nothing. */
void stats_setup(void);

#endif
