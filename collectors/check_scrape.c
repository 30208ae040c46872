/* What a scraped metric finds: the target is asked twice, a second apart, and the second's increase
 * is shown. A target has no history. */
#include <time.h>

#include "collectors/check.h"
#include "collectors/wire/exposition.h"
#include "collectors/scrape/increase.h"
#include "collectors/words.h"
#include "lib/net/http_client.h"

struct reading {
    const struct route_scrape *want;
    const struct spec_metric *metric;
    struct check_result *out;
    struct arena *arena;
};

static void on_sample(void *user, const struct exposition_sample *s)
{
    const struct reading *r = user;
    for (int is_of = 0; is_of < 2; is_of++) {
        unsigned cohorts = increase_cohorts(r->want, s, is_of);
        if (is_of && increase_cohorts(r->want, s, false) & cohorts)
            continue; /* named already */
        for (uint8_t c = 0; c < 2; c++) {
            if (cohorts & 1U << c)
                check_series_add(&r->out->cohorts[c],
                                 arena_printf(r->arena, "%.*s", (int)s->series_len, s->series),
                                 r->arena);
        }
    }
}

static void on_increase(void *user, const struct route_scrape *want, uint8_t cohort, int64_t block,
                        const struct summary *sums)
{
    const struct reading *r = user;
    const struct wall second = {wall_now().us / US_PER_SECOND * US_PER_SECOND};
    check_point_add(&r->out->cohorts[cohort], r->metric, second, sums, r->arena);
}

static int fetch(struct http_client *client, const struct check_env *env, const char *url,
                 struct http_reply *reply, struct err *err)
{
    static const char *const headers[] = {"Accept: text/plain;version=0.0.4"};
    const struct http_request q = {
        .url = url,
        .headers = headers,
        .header_count = 1,
        .timeout_ms = SCRAPE_TIMEOUT_MS,
        .reply_max = SCRAPE_BYTES_MAX,
        .guard = env->guard,
    };
    if (http_client_do(client, &q, reply, err) != 0)
        return -1;
    return reply->status == 200
               ? 0
               : err_set(err, ERR_PLATFORM, "answers with status %d", reply->status);
}

/* The first reply names the series, both together give what they grew by. */
static int look_at(const struct check_env *env, struct reading *r, struct err *err)
{
    struct http_client *client = http_client_new();
    struct http_reply reply;
    struct increase *increase = increase_new(US_PER_SECOND);
    int rc = -1;
    http_reply_init(&reply);
    increase_set_wants(increase, &r->want, 1);
    for (int64_t k = 1; k <= 2; k++) {
        if (k == 2)
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        if (fetch(client, env, r->want->target, &reply, err) != 0)
            goto out;
        if (k == 1)
            exposition_read(reply.body.data, reply.body.len, on_sample, r);
        increase_take(increase, k, reply.body.data, reply.body.len, on_increase, r);
    }
    rc = 0;
out:
    increase_free(increase);
    http_reply_release(&reply);
    http_client_free(client);
    return rc;
}

static void scrape_look(const struct check_env *env, const struct spec *spec, size_t metric,
                        struct check_result *out, struct arena *a)
{
    const struct route_release release = {.id = spec->name, .spec = spec, .since = env->now};
    struct err err = {0};
    struct routes *routes = routes_build(&release, 1, &err);
    BUG_ON(!routes); /* one service is never too many */
    size_t n;
    const struct route_scrape *all = routes_scrapes(routes, &n);
    struct reading r = {.metric = &spec->metrics[metric], .out = out, .arena = a};
    for (size_t i = 0; i < n; i++)
        if (all[i].metric == metric)
            r.want = &all[i];
    if (!r.want) {
        out->problem = "no target is named";
    } else if (look_at(env, &r, &err) != 0) {
        out->problem = arena_printf(a, "%s: %s", r.want->target, err.message);
    } else {
        out->cohorts[0].stretch_us = out->cohorts[1].stretch_us = US_PER_SECOND;
        if (out->cohorts[COHORT_BASELINE].n_series == 0)
            out->problem = "no series of the target is the baseline's";
        else if (out->cohorts[COHORT_CANDIDATE].n_series == 0)
            out->note = "no series of the candidate yet";
        else
            out->note = "a target has no history: the point is what it grew by in a second";
    }
    routes_unref(routes);
}

const struct source scrape_source = {.check = scrape_look};
