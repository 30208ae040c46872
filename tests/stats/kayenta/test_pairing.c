#include "stats/kayenta/pairing.h"

#include "tests/t.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const double values[] = {1, 2, 3};
static const struct tag v1[] = {{"version", "1"}}, v2[] = {{"version", "2"}},
                        pod[] = {{"pod", "x"}}, two[] = {{"version", "1"}, {"zone", "a"}},
                        swapped[] = {{"zone", "a"}, {"version", "1"}};
static const char *const cpu[] = {"cpu"};

static struct metric_set set(const char *name, const struct tag *tags, size_t n_tags)
{
    return (struct metric_set){
        .name = name, .tags = tags, .n_tags = n_tags, .values = values, .n = 3};
}

static struct arena arena;
static const struct metric_pair *pairs;
static size_t n_pairs;
static struct err err;

static enum pairing_fault pair_up(const struct metric_set *c, size_t n, const struct metric_set *e,
                                  size_t m)
{
    arena_clear(&arena);
    return pairing_all(cpu, 1, (struct metric_sets){c, n}, (struct metric_sets){e, m}, &arena,
                       &pairs, &n_pairs, &err);
}

static void faults(void)
{
    const struct metric_set nameless = set(NULL, v1, 1), blank = set("", v1, 1);
    const struct metric_set plain = set("cpu", NULL, 0), other = set("mem", NULL, 0);
    const struct metric_set tagged = set("cpu", v1, 1), by_pod = set("cpu", pod, 1);
    const struct metric_set old = set("cpu", v2, 1);
    struct metric_pair out;
    T_EQ_INT(pair_up(&nameless, 1, &plain, 1), PAIRING_CONTROL_UNNAMED);
    T_EQ_INT(pair_up(&plain, 1, &blank, 1), PAIRING_EXPERIMENT_UNNAMED);
    T_EQ_INT(pair_up(&other, 1, &plain, 1), PAIRING_NO_CONTROL);
    T_HAS_STR(err.message, "No control metrics found for cpu and the metric service did not");
    T_EQ_INT(pair_up(&plain, 1, &other, 1), PAIRING_NO_EXPERIMENT);
    T_EQ_INT(pair_up(&tagged, 1, &by_pod, 1), PAIRING_TAG_KEYS_DIFFER);
    T_HAS_STR(err.message, pairing_fault_words[PAIRING_TAG_KEYS_DIFFER]);
    T_EQ_INT(pairing_one(&nameless, &plain, &arena, &out, &err), PAIRING_CONTROL_UNNAMED);
    T_EQ_INT(pairing_one(&plain, &other, &arena, &out, &err), PAIRING_NAMES_DIFFER);
    T_EQ_STR(err.message,
             "Control metric set name 'cpu' does not match experiment metric set name 'mem'.");
    T_EQ_INT(pairing_one(&tagged, &old, &arena, &out, &err), PAIRING_TAGS_DIFFER);
    struct metric_set huge = plain;
    huge.end_ms = INT64_C(1) << 40;
    huge.step_ms = 1;
    T_EQ_INT(pairing_one(&huge, &plain, &arena, &out, &err), PAIRING_TOO_LARGE);
}

/* A tag that differs by nature: two pairs with half their data each. */
static void halves(void)
{
    struct metric_set c = set("cpu", v1, 1), e = set("cpu", v2, 1);
    c.end_ms = e.end_ms = 240000;
    c.step_ms = e.step_ms = 60000;
    T_EQ_INT(pair_up(&c, 1, &e, 1), PAIRING_OK);
    T_EQ_INT((int)n_pairs, 2);
    T_CHECK(pairs[0].n_control == 4 && pairs[0].control[2] == 3 && isnan(pairs[0].control[3]));
    T_CHECK(pairs[0].n_experiment == 4 && isnan(pairs[0].experiment[0]));
    T_CHECK(strcmp(pairs[0].tags[0].value, "1") == 0 && strcmp(pairs[1].tags[0].value, "2") == 0);
    T_CHECK(isnan(pairs[1].control[0]) && pairs[1].experiment[0] == 1);
}

static void by_tags(void)
{
    const struct metric_set c[] = {set("cpu", two, 2), set("mem", NULL, 0)};
    const struct metric_set e[] = {set("cpu", swapped, 2), set("cpu", two, 2)};
    T_EQ_INT(pair_up(c, 2, e, 2), PAIRING_OK); /* the order of tags does not matter */
    T_EQ_INT((int)n_pairs, 1);
    T_CHECK(pairs[0].control == values && pairs[0].experiment == values);
}

/* A side without tags is a template for every set of the other. */
static void template(void)
{
    const struct metric_set plain = set("cpu", NULL, 0);
    const struct metric_set tagged[] = {set("cpu", v1, 1), set("cpu", v2, 1)};
    T_EQ_INT(pair_up(&plain, 1, tagged, 2), PAIRING_OK);
    T_EQ_INT((int)n_pairs, 2);
    T_CHECK(pairs[1].n_control == 0 && pairs[1].n_experiment == 3 && pairs[1].n_tags == 1);
    T_EQ_INT(pair_up(tagged, 2, &plain, 1), PAIRING_OK);
    T_CHECK(n_pairs == 2 && pairs[0].n_control == 3 && pairs[0].n_experiment == 0);
    /* Both have one without tags: by tags, as if there were no tag. */
    const struct metric_set both[] = {set("cpu", NULL, 0), set("cpu", v1, 1)};
    T_EQ_INT(pair_up(both, 2, &plain, 1), PAIRING_OK);
    T_CHECK(n_pairs == 2 && pairs[0].n_tags == 0 && pairs[0].n_experiment == 3);
    T_CHECK(pairs[1].n_tags == 1 && pairs[1].n_experiment == 0);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"faults", faults},
        {"halves", halves},
        {"by_tags", by_tags},
        {"template", template},
    };
    int status;
    arena_init(&arena);
    status = t_main(argc, argv, tests, N(tests));
    arena_release(&arena);
    return status;
}
