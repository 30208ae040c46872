#include "judge/daemon/signal_flag.h"

#include <time.h>

void signal_flag_init(struct signal_flag *f)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->raised, &monotonic);
    pthread_condattr_destroy(&monotonic);
    f->is_up = false;
}

void signal_flag_release(struct signal_flag *f)
{
    pthread_cond_destroy(&f->raised);
    pthread_mutex_destroy(&f->lock);
}

void signal_flag_raise(struct signal_flag *f)
{
    pthread_mutex_lock(&f->lock);
    f->is_up = true;
    pthread_cond_signal(&f->raised);
    pthread_mutex_unlock(&f->lock);
}

bool signal_flag_wait(struct signal_flag *f, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&f->lock);
    while (!f->is_up && pthread_cond_timedwait(&f->raised, &f->lock, &until) == 0)
        ;
    const bool was_up = f->is_up;
    f->is_up = false;
    pthread_mutex_unlock(&f->lock);
    return was_up;
}
