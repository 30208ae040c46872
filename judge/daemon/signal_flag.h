/*
 * A flag one thread sleeps on and others raise: "look again". Raising it while nobody sleeps is
 * remembered once.
 */
#ifndef JUDGE_DAEMON_SIGNAL_FLAG_H
#define JUDGE_DAEMON_SIGNAL_FLAG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct signal_flag {
    pthread_mutex_t lock;
    pthread_cond_t raised;
    bool is_up;
};

void signal_flag_init(struct signal_flag *f);
void signal_flag_release(struct signal_flag *f);
void signal_flag_raise(struct signal_flag *f);
/* Returns when the flag is up (and lowers it) or after ms. true when it was up. */
bool signal_flag_wait(struct signal_flag *f, int64_t ms);

#endif
