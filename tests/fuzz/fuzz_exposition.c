// rooms: collectors store redis net crypto model sketch base
// Two expositions in one input, NUL between: what grew is never negative, and counts no infinity.
#include <string.h>

#include "collectors/scrape/increase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_sums(void *user, const struct route_scrape *want, uint8_t cohort, int64_t block,
                    const struct summary *sums)
{
    BUG_ON(block != 1 || cohort > 1);
    if (sums->kind == SUMMARY_COUNTS)
        BUG_ON(!(sums->counts.events >= 0) || !(sums->counts.exposure >= 0));
    else
        BUG_ON(sums->hist.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct label stable[] = {{"s", "a"}}, canary[] = {{"s", "b"}},
                              code[] = {{"c", "5"}};
    static const struct release_route route = {.id = "r", .n_metrics = 2};
    static const struct route_scrape counts = {.route = &route,
                                               .kind = METRIC_PROPORTION,
                                               .target = "t",
                                               .name = "n",
                                               .of = "n",
                                               .labels = {code, 1},
                                               .cohorts = {{stable, 1}, {canary, 1}}};
    static const struct route_scrape latency = {.route = &route,
                                                .metric = 1,
                                                .kind = METRIC_QUANTILE,
                                                .target = "t",
                                                .name = "h",
                                                .cohorts = {{stable, 1}, {canary, 1}}};
    const struct route_scrape *wants[] = {&counts, &latency};
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t first = nul ? (size_t)(nul - data) : size;
    struct increase *inc = increase_new(US_PER_SECOND);
    increase_set_wants(inc, wants, 2);
    increase_take(inc, 1, (const char *)data, first, on_sums, NULL);
    if (nul)
        increase_take(inc, 2, (const char *)nul + 1, size - first - 1, on_sums, NULL);
    increase_free(inc);
    return 0;
}
