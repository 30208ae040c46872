#include "lib/aws/retry.h"

#include <string.h>

#define COST_TIMEOUT 10
#define COST_OTHER   5
#define GAIN_CLEAN   1

void quotas_init(struct quotas *q)
{
    memset(q, 0, sizeof(*q));
    pthread_mutex_init(&q->lock, NULL);
    q->shared.tokens = AWS_QUOTA_TOKENS;
}

void quotas_release(struct quotas *q)
{
    pthread_mutex_destroy(&q->lock);
}

/* Under the lock. */
static struct quota *find(struct quotas *q, const void *service, const char *region)
{
    size_t i = 0;
    while (i < q->count && (q->of[i].service != service || strcmp(q->of[i].region, region) != 0))
        i++;
    if (i == AWS_QUOTAS_MAX)
        return &q->shared;
    if (i == q->count) {
        q->count++;
        q->of[i].service = service;
        BUG_ON(strlen(region) >= sizeof(q->of[i].region));
        memcpy(q->of[i].region, region, strlen(region) + 1);
        q->of[i].quota.tokens = AWS_QUOTA_TOKENS;
    }
    return &q->of[i].quota;
}

int retry_cost(const struct aws_error *error)
{
    return error->err.code == ERR_TIMEOUT ? COST_TIMEOUT : COST_OTHER;
}

bool quotas_take(struct quotas *q, const void *service, const char *region, int tokens)
{
    struct quota *of;
    bool is_taken;
    pthread_mutex_lock(&q->lock);
    of = find(q, service, region);
    is_taken = of->tokens >= tokens;
    if (is_taken)
        of->tokens -= tokens;
    pthread_mutex_unlock(&q->lock);
    return is_taken;
}

void quotas_give(struct quotas *q, const void *service, const char *region, int last_cost)
{
    struct quota *of;
    pthread_mutex_lock(&q->lock);
    of = find(q, service, region);
    of->tokens += last_cost ? last_cost : GAIN_CLEAN;
    if (of->tokens > AWS_QUOTA_TOKENS)
        of->tokens = AWS_QUOTA_TOKENS;
    pthread_mutex_unlock(&q->lock);
}

int quotas_left(struct quotas *q, const void *service, const char *region)
{
    int left;
    pthread_mutex_lock(&q->lock);
    left = find(q, service, region)->tokens;
    pthread_mutex_unlock(&q->lock);
    return left;
}

int retry_pause_ms(int n, double chance, int retry_after_ms)
{
    double most = n < 6 ? 1000.0 * (double)(1 << (n - 1)) : AWS_BACKOFF_MAX_MS;
    int pause;
    if (retry_after_ms > AWS_BACKOFF_MAX_MS)
        return -1;
    if (most > AWS_BACKOFF_MAX_MS)
        most = AWS_BACKOFF_MAX_MS;
    pause = (int)(chance * most);
    return pause > retry_after_ms ? pause : retry_after_ms;
}
