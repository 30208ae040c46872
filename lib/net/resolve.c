#include "lib/net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    int refs; /* the caller and the thread */
    bool is_done;
    int status;
    struct resolved found;
    char port[8];
    char host[]; /* NUL-terminated */
};

static int look_up(const char *host, const char *port, int flags, struct resolved *out)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int status = getaddrinfo(host, port, &hints, &list);
    if (status != 0)
        return status;
    out->count = 0;
    for (struct addrinfo *a = list; a && out->count < STREAM_ADDRESSES_MAX; a = a->ai_next) {
        memcpy(&out->addresses[out->count].at, a->ai_addr, a->ai_addrlen);
        out->addresses[out->count++].len = a->ai_addrlen;
    }
    freeaddrinfo(list);
    return 0;
}

/* Unlocks, and frees when nobody is left. */
static void drop(struct lookup *l)
{
    bool is_last = --l->refs == 0;
    pthread_mutex_unlock(&l->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&l->finished);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void *run(void *arg)
{
    struct lookup *l = arg;
    struct resolved found;
    int status = look_up(l->host, l->port, AI_ADDRCONFIG, &found);
    pthread_mutex_lock(&l->lock);
    l->status = status;
    if (status == 0)
        l->found = found;
    l->is_done = true;
    pthread_cond_signal(&l->finished);
    drop(l);
    return NULL;
}

static struct lookup *lookup_new(const char *host, const char *port)
{
    struct lookup *l = mem_alloc(sizeof(*l) + strlen(host) + 1);
    pthread_condattr_t attr;
    memcpy(l->host, host, strlen(host) + 1);
    memcpy(l->port, port, sizeof(l->port));
    l->refs = 1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->finished, &attr);
    pthread_condattr_destroy(&attr);
    return l;
}

int resolve(const char *host, int port, struct mono deadline, struct resolved *out, struct err *err)
{
    struct timespec until = {.tv_sec = deadline.us / US_PER_SECOND,
                             .tv_nsec = deadline.us % US_PER_SECOND * 1000};
    char port_text[8] = "";
    struct lookup *l;
    pthread_t thread;
    int status = 0;
    bool is_done;
    if (port <= 0 || port > 65535)
        return err_set(err, ERR_INPUT, "%d is no port", port);
    snprintf(port_text, sizeof(port_text), "%d", port);
    if (look_up(host, port_text, AI_NUMERICHOST, out) == 0)
        return 0;
    l = lookup_new(host, port_text);
    pthread_mutex_lock(&l->lock);
    if (pthread_create(&thread, NULL, run, l) != 0) {
        drop(l);
        return err_set(err, ERR_SYSTEM, "resolving %s: no thread to be had", host);
    }
    pthread_detach(thread);
    l->refs++;
    while (!l->is_done && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&l->finished, &l->lock, &until);
    is_done = l->is_done;
    status = l->status;
    if (is_done && status == 0)
        *out = l->found;
    drop(l);
    if (!is_done)
        return err_set(err, ERR_TIMEOUT, "resolving %s took too long", host);
    if (status != 0 || out->count == 0)
        return err_set(err, ERR_NETWORK, "resolving %s: %s", host,
                       status ? gai_strerror(status) : "no address");
    return 0;
}
