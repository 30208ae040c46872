// rooms: eval stats sketch base
/*
 * Any JSON as a request to Kayenta's judge: it is refused with a sentence, or judged and written.
 */
#include "judge/eval/kayenta_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void judge(struct arena *a, const struct node *request, struct err *err)
{
    struct score_thresholds t;
    struct aca_judgement j;
    struct aca_config config;
    const struct metric_pair *pairs;
    size_t n;
    if (kayenta_read_thresholds(node_get(request, "scoreThresholds"), &t, err) != 0 ||
        kayenta_read_pairs(a, node_get(request, "metricSetPairList"), &pairs, &n, err) != 0 ||
        kayenta_read_config(a, node_get(request, "canaryConfig"), &config, err) != 0 ||
        aca_judge(&config, &t, pairs, n, a, &j, err) != 0) {
        if (!err->message[0])
            abort();
        return;
    }
    struct buf out;
    struct writer w;
    buf_init(&out, (size_t)4 << 20);
    writer_init(&w, &out);
    writer_object(&w);
    kayenta_put_judgement(&w, &j);
    writer_end(&w);
    if (buf_ok(&out) && !node_read_json(a, out.data, out.len, err))
        abort(); /* what is written can be read */
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    static const char *const path[] = {"canaryConfig", "metrics", "groups"};
    const char *const *names;
    const struct metric_pair *pairs;
    struct metric_sets sets;
    struct arena arena;
    struct err err = {0};
    size_t n, n_pairs;
    arena_init(&arena);
    const struct node *request = node_read_json(&arena, (const char *)data, len, &err);
    if (request) {
        err_clear(&err);
        judge(&arena, request, &err);
        (void)kayenta_get(&arena, request, path, 3);
        if (kayenta_read_sets(&arena, node_get(request, "sets"), &sets, &err) == 0 &&
            kayenta_read_words(&arena, node_get(request, "names"), "names", &names, &n, &err) ==
                0 &&
            n < 100 && sets.n < 100)
            (void)!pairing_all(names, n, sets, sets, &arena, &pairs, &n_pairs, &err);
    }
    arena_release(&arena);
    return 0;
}
