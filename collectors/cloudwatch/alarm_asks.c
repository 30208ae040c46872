#include "collectors/cloudwatch/alarm_asks.h"

#include <pthread.h>
#include <stdlib.h>

void alarm_give_block(void *ask, uint8_t cohort, int64_t block, const struct summary *sums)
{
    pull_point(ask, cohort, block, sums);
    if (pull_wants_series(ask))
        pull_point(ask, COHORT_BASELINE, block, sums);
}

void alarm_give_series(struct pull_ask *ask, const char *name)
{
    if (!pull_wants_series(ask))
        return;
    pull_series(ask, COHORT_BASELINE, name);
    pull_series(ask, COHORT_CANDIDATE, name);
}

int64_t pull_newest_final(const struct pull_ask *ask)
{
    return ask->last_final < ask->to ? ask->last_final : ask->to;
}

/* ---- what notifications told ---- */

struct alarm_reader {
    struct store *store;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    size_t n_out;
};

struct read {
    struct alarm_reader *reader;
    store_alarms_done *done;
    void *user;
};

struct alarm_reader *alarm_reader_new(struct store *store)
{
    struct alarm_reader *r = mem_alloc(sizeof(*r));
    r->store = store;
    BUG_ON(pthread_mutex_init(&r->mutex, NULL) != 0 || pthread_cond_init(&r->ended, NULL) != 0);
    return r;
}

void alarm_reader_free(struct alarm_reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->mutex);
    while (r->n_out > 0) /* each has the store's deadline */
        pthread_cond_wait(&r->ended, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
    pthread_cond_destroy(&r->ended);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}

static void on_notes(void *user, int rc, const struct alarm_notes *notes, const struct err *err)
{
    struct read *read = user;
    struct alarm_reader *r = read->reader;
    read->done(read->user, rc, notes, err);
    free(read);
    pthread_mutex_lock(&r->mutex);
    if (--r->n_out == 0)
        pthread_cond_signal(&r->ended);
    pthread_mutex_unlock(&r->mutex);
}

void alarm_reader_read(struct alarm_reader *r, const char *const *arns, size_t n,
                       store_alarms_done *done, void *user)
{
    struct read *read = mem_alloc(sizeof(*read));
    *read = (struct read){r, done, user};
    pthread_mutex_lock(&r->mutex);
    r->n_out++;
    pthread_mutex_unlock(&r->mutex);
    store_alarms(r->store, arns, n, on_notes, read);
}

size_t alarm_changes_of(const struct alarm_notes *notes, struct alarm_change *out)
{
    size_t n = 0;
    for (size_t i = 0; i < notes->n; i++) {
        const enum alarm_state state = alarm_state_of(notes->notes[i].state);
        if (state != ALARM_UNKNOWN)
            out[n++] = (struct alarm_change){state, notes->notes[i].at};
    }
    return n;
}
