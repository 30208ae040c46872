#include "lib/base/queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "tests/t.h"

static struct mono at_once(void)
{
    return (struct mono){0};
}

static struct mono in_a_minute(void)
{
    return mono_add_ms(mono_now(), 60000);
}

static void first_in_first_out(void)
{
    struct queue *q = queue_new("one", 3);
    int items[5];
    T_EQ_STR(queue_name(q), "one");
    T_CHECK(queue_pop(q, at_once()) == NULL);
    for (int round = 0; round < 7; round++) { /* the ring turns */
        T_CHECK(queue_push(q, &items[0]) && queue_push(q, &items[1]) && queue_push(q, &items[2]));
        T_CHECK(!queue_push(q, &items[3]));
        T_EQ_INT(queue_len(q), 3);
        T_CHECK(queue_pop(q, at_once()) == &items[0]);
        T_CHECK(queue_push(q, &items[4]));
        T_CHECK(queue_pop(q, at_once()) == &items[1]);
        T_CHECK(queue_pop(q, at_once()) == &items[2]);
        T_CHECK(queue_pop(q, at_once()) == &items[4]);
        T_EQ_INT(queue_len(q), 0);
    }
    queue_free(q);
    queue_free(NULL);
}

static void deadline_passes(void)
{
    struct queue *q = queue_new("empty", 1);
    struct mono start = mono_now(), deadline = mono_add_ms(start, 30);
    T_CHECK(queue_pop(q, deadline) == NULL);
    T_CHECK(mono_passed(mono_now(), deadline));
    T_CHECK(queue_pop(q, (struct mono){-5}) == NULL);
    queue_free(q);
}

static void closed(void)
{
    struct queue *q = queue_new("closed", 2);
    int item;
    T_CHECK(queue_push(q, &item));
    queue_close(q);
    T_CHECK(!queue_push(q, &item));
    T_CHECK(queue_pop(q, in_a_minute()) == &item); /* what is in it can be had */
    T_CHECK(queue_pop(q, in_a_minute()) == NULL);
    queue_free(q);
}

enum { PRODUCERS = 3, CONSUMERS = 3, EACH = 20000 };

struct run {
    struct queue *q;
    _Atomic int64_t sum;
    _Atomic int64_t n;
};

static void *produce(void *arg)
{
    struct run *run = arg;
    for (intptr_t i = 1; i <= EACH; i++) {
        while (!queue_push(run->q, (void *)i))
            sched_yield();
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct run *run = arg;
    void *item;
    while ((item = queue_pop(run->q, in_a_minute()))) {
        atomic_fetch_add(&run->sum, (intptr_t)item);
        atomic_fetch_add(&run->n, 1);
    }
    return NULL;
}

static void nothing_lost_between_threads(void)
{
    struct run run = {.q = queue_new("many", 16)};
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++)
        pthread_create(&consumers[i], NULL, consume, &run);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_create(&producers[i], NULL, produce, &run);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i], NULL);
    queue_close(run.q); /* wakes every consumer */
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(consumers[i], NULL);
    T_EQ_INT(run.n, (int64_t)PRODUCERS * EACH);
    T_EQ_INT(run.sum, (int64_t)PRODUCERS * EACH * (EACH + 1) / 2);
    queue_free(run.q);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"first in, first out", first_in_first_out},
        {"deadline passes", deadline_passes},
        {"closed", closed},
        {"nothing lost between threads", nothing_lost_between_threads},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
