#include "judge/eval/kayenta_json.h"

#include "tests/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;
static struct err err;

static const struct node *json(const char *text)
{
    const struct node *n = node_read_json(&arena, text, strlen(text), &err);
    if (!n)
        t_fail(__FILE__, __LINE__, "%s: %s", text, err.message);
    return n;
}

static void paths(void)
{
    static const struct {
        int line;
        const char *document, *path[3];
        size_t n;
        const char *found; /* NULL: none */
    } rows[] = {
        {__LINE__, "{\"a\":{\"b\":1}}", {"a", "b"}, 2, "1"},
        {__LINE__, "{\"a\":{\"b\":1}}", {"a"}, 1, "{\"b\":1}"},
        {__LINE__, "{\"a\":{\"b\":1}}", {"a", "b", "c"}, 3, NULL},
        {__LINE__, "{\"a\":{\"b\":1}}", {"b"}, 1, NULL},
        {__LINE__, "{\"a\":null}", {"a"}, 1, "null"},
        {__LINE__, "[{\"a\":1},{\"b\":2},{\"a\":[3]}]", {"a"}, 1, "[1,[3]]"},
        {__LINE__, "[{\"b\":2},4]", {"a"}, 1, NULL},
        {__LINE__,
         "{\"l\":[{\"a\":[{\"b\":1},{\"b\":{\"c\":2}}]},{\"a\":[{}]},{\"a\":{\"b\":3}}]}",
         {"l", "a", "b"},
         3,
         "[[1,{\"c\":2}],3]"},
        {__LINE__, "{\"l\":[]}", {"l"}, 1, "[]"},
        {__LINE__, "{\"l\":[]}", {"l", "a"}, 2, NULL},
        {__LINE__, "7", {"a"}, 1, NULL},
        {__LINE__, "7", {NULL}, 0, "7"},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < N(rows); i++) {
        const struct node *n = kayenta_get(&arena, json(rows[i].document), rows[i].path, rows[i].n);
        buf_clear(&out);
        if (n)
            node_to_json(n, &out);
        if (!n != !rows[i].found || (n && strcmp(out.data, rows[i].found) != 0))
            t_fail(__FILE__, rows[i].line, "found %s", n ? out.data : "nothing");
    }
    T_CHECK(kayenta_get(&arena, NULL, rows[0].path, 1) == NULL);
    buf_release(&out);
}

static void settings(void)
{
    struct aca_options o;
    T_OK(kayenta_read_options(&arena, NULL, &o, &err), err);
    T_CHECK(o.allowed_increase == 1 && o.direction == ACA_EITHER && !o.critical &&
            o.outlier_factor == 3 && o.confidence == 0.98);
    T_OK(
        kayenta_read_options(
            &arena,
            json("{\"canary\":{\"direction\":\"decrease\",\"nanStrategy\":\"replace\",\"critical\":"
                 "true,\"mustHaveData\":true,\"muted\":true,\"outliers\":{\"strategy\":\"remove\","
                 "\"outlierFactor\":2},\"effectSize\":{\"measure\":\"cles\",\"allowedIncrease\":"
                 "0.7}}}"),
            &o, &err),
        err);
    T_CHECK(o.direction == ACA_DECREASE && o.replace_nan && o.critical && o.must_have_data &&
            o.muted && o.remove_outliers && o.outlier_factor == 2 && o.effect == ACA_CLES &&
            o.allowed_increase == 0.7 && o.allowed_decrease == 0.5);
    /* Words nobody knows, and other cases of known ones, mean the default. */
    T_OK(kayenta_read_options(&arena,
                              json("{\"canary\":{\"direction\":\"Increase\",\"nanStrategy\":7,"
                                   "\"outliers\":{\"strategy\":null},\"other\":[]}}"),
                              &o, &err),
         err);
    T_CHECK(o.direction == ACA_EITHER && !o.replace_nan && !o.remove_outliers);
}

static void what_fails_a_run(void)
{
    static const struct {
        int line;
        const char *analysis, *said;
    } rows[] = {
        {__LINE__, "{\"canary\":{\"critical\":\"true\"}}", "critical is of type string"},
        {__LINE__, "{\"canary\":{\"mustHaveData\":1}}", "mustHaveData is of type number"},
        {__LINE__, "{\"canary\":{\"effectSize\":{\"allowedIncrease\":\"1.2\"}}}",
         "allowedIncrease is of type string"},
        {__LINE__, "{\"canary\":{\"outliers\":{\"strategy\":\"remove\",\"outlierFactor\":0}}}",
         "outlierFactor is 0"},
    };
    struct aca_options o;
    for (size_t i = 0; i < N(rows); i++)
        if (kayenta_read_options(&arena, json(rows[i].analysis), &o, &err) == 0 ||
            !strstr(err.message, rows[i].said))
            t_fail(__FILE__, rows[i].line, "%s", err.message);
}

static const char request[] =
    "{\"canaryConfig\":{\"metrics\":[{\"name\":\"m\",\"groups\":[\"g\",\"h\"],"
    "\"analysisConfigurations\":{\"canary\":{\"direction\":\"increase\"}}},{\"name\":\"z\"}],"
    "\"classifier\":{\"groupWeights\":{\"g\":60,\"h\":40}}},"
    "\"scoreThresholds\":{\"pass\":75,\"marginal\":null},"
    "\"metricSetPairList\":[{\"name\":\"m\",\"id\":\"p1\",\"tags\":{\"zone\":\"a\"},\"values\":"
    "{\"control\":[0,0,\"NaN\",0,0,0],\"experiment\":[7,8,9,null,7.5,8.5]}},"
    "{\"name\":\"z\",\"values\":{\"control\":[0],\"experiment\":[1]}}]}";

static void round_trip(void)
{
    const struct node *r = json(request);
    struct score_thresholds t;
    struct aca_judgement j;
    struct aca_config config;
    const struct metric_pair *pairs;
    size_t n;
    struct buf out;
    struct writer w;
    T_OK(kayenta_read_config(&arena, node_get(r, "canaryConfig"), &config, &err), err);
    T_OK(kayenta_read_thresholds(node_get(r, "scoreThresholds"), &t, &err), err);
    T_OK(kayenta_read_pairs(&arena, node_get(r, "metricSetPairList"), &pairs, &n, &err), err);
    T_CHECK(t.pass == 75 && isnan(t.marginal) && n == 2 && isnan(pairs[0].experiment[3]));
    T_OK(aca_judge(&config, &t, pairs, n, &arena, &j, &err), err);
    buf_init(&out, 10000);
    writer_init(&w, &out);
    writer_object(&w);
    kayenta_put_judgement(&w, &j);
    writer_end(&w);
    T_EQ_STR(
        out.data,
        "{\"judgeName\":\"NetflixACAJudge-v1.0\",\"results\":[{\"name\":\"m\",\"id\":\"p1\","
        "\"tags\":{\"zone\":\"a\"},\"classification\":\"High\",\"classificationReason\":"
        "\"m was classified as High\",\"groups\":[\"g\",\"h\"],\"critical\":false,\"muted\":false,"
        "\"experimentMetadata\":{\"stats\":{\"min\":7,\"max\":9,\"mean\":8,\"std\":"
        "0.7905694150420949,\"count\":5}},\"controlMetadata\":{\"stats\":{\"min\":0,\"max\":0,"
        "\"mean\":0,\"std\":0,\"count\":5}},\"resultMetadata\":{\"ratio\":\"NaN\"}},"
        "{\"name\":\"z\",\"tags\":{},\"classification\":\"Error\",\"classificationReason\":"
        "\"Metric Classification Failed\",\"groups\":[],\"critical\":false,\"muted\":false,"
        "\"experimentMetadata\":{\"stats\":{\"min\":1,\"max\":1,\"mean\":1,\"std\":0,\"count\":1}},"
        "\"controlMetadata\":{\"stats\":{\"min\":0,\"max\":0,\"mean\":0,\"std\":0,\"count\":1}}}],"
        "\"groupScores\":[{\"name\":\"g\",\"score\":0,\"classification\":\"\","
        "\"classificationReason\":\"\"},{\"name\":\"h\",\"score\":0,\"classification\":\"\","
        "\"classificationReason\":\"\"}],\"score\":{\"score\":0,\"classification\":\"Fail\","
        "\"classificationReason\":\"\"}}");
    buf_release(&out);
}

static void refusals(void)
{
    const struct metric_pair *pairs;
    struct score_thresholds t;
    struct aca_config config;
    struct metric_sets sets;
    size_t n;
    T_CHECK(kayenta_read_config(&arena, json("{}"), &config, &err) != 0);
    T_CHECK(kayenta_read_config(&arena, json("{\"metrics\":[{}]}"), &config, &err) != 0);
    T_CHECK(kayenta_read_config(
                &arena, json("{\"metrics\":[],\"classifier\":{\"groupWeights\":{\"g\":\"1\"}}}"),
                &config, &err) != 0);
    T_CHECK(kayenta_read_thresholds(json("{\"pass\":\"95\"}"), &t, &err) != 0);
    T_CHECK(kayenta_read_pairs(&arena, json("{}"), &pairs, &n, &err) != 0);
    T_CHECK(kayenta_read_pairs(&arena, json("[{\"name\":\"m\"}]"), &pairs, &n, &err) != 0);
    T_HAS_STR(err.message, "metric set pair m: values.experiment is absent");
    T_CHECK(kayenta_read_pairs(
                &arena,
                json("[{\"name\":\"m\",\"values\":{\"control\":[],\"experiment\":[\"x\"]}}]"),
                &pairs, &n, &err) != 0);
    T_CHECK(kayenta_read_sets(&arena, json("[{\"values\":[],\"stepMillis\":1e300}]"), &sets,
                              &err) != 0);
    T_CHECK(kayenta_read_sets(&arena, json("[{\"values\":[],\"tags\":{\"a\":1}}]"), &sets, &err) !=
            0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"paths", paths},           {"settings", settings}, {"what_fails_a_run", what_fails_a_run},
        {"round_trip", round_trip}, {"refusals", refusals},
    };
    int status;
    arena_init(&arena);
    status = t_main(argc, argv, tests, N(tests));
    arena_release(&arena);
    return status;
}
