#include "strategies/pattern.h"

#include <stdio.h>

#include "lib/base/buf.h"
#include "tests/t.h"

static void state_reads_back(void)
{
    struct walk w, back;
    struct err err = {0};
    struct buf a, b;
    walk_init(&w, (struct wall){900 * US_PER_SECOND});
    w.stage = STAGE_STEP;
    w.step = 1;
    w.share = 0.05;
    w.is_paused = w.is_approved = w.is_forced = w.is_drifted = true;
    snprintf(w.paused_why, sizeof(w.paused_why), "say \"why\"\n");
    w.pending =
        (struct pending){.kind = ACTION_SHIFT, .from = NAN, .to = 0.3, .attempt = 2, .at = {5}};
    w.order = 1LL << 40;
    w.acts = 9;
    w.wanted = 2;
    w.outcome = OUTCOME_STOPPED;
    w.cause = CAUSE_DRIFT;
    buf_init(&a, 4096);
    buf_init(&b, 4096);
    walk_write(&w, &a);
    if (walk_read(&back, a.data, a.len, &err))
        t_fail(__FILE__, __LINE__, "%s", err.message);
    walk_write(&back, &b);
    if (strcmp(a.data, b.data) != 0)
        t_fail(__FILE__, __LINE__, "wrote %s, read %s", a.data, b.data);
    /* Every field is needed: without any one of them the state is refused. */
    int refused = 0, fields = 0;
    for (const char *p = a.data; (p = strchr(p, '"')) != NULL; p++) {
        if (p[-1] != ',' && p[-1] != '{')
            continue;
        struct buf cut;
        buf_init(&cut, 4096);
        buf_add(&cut, a.data, (size_t)(p - a.data) + 1);
        buf_add_str(&cut, "x");
        buf_add_str(&cut, p + 1);
        fields++;
        refused += walk_read(&back, cut.data, cut.len, &err) == -1 && err.code == ERR_CORRUPT;
        buf_release(&cut);
    }
    if (fields != 25 || refused != fields)
        t_fail(__FILE__, __LINE__, "%d of %d renamed fields refused", refused, fields);
    buf_release(&a);
    buf_release(&b);
    T_EQ_INT(walk_read(&back, "[]", 2, &err), -1);
    T_EQ_INT(walk_read(&back, "{", 1, &err), -1);
    T_EQ_INT(err.code, ERR_CORRUPT);
}

static void names_read_back(void)
{
    for (int k = 0; k < ACTION_COUNT; k++)
        T_EQ_INT(action_parse(action_name((enum action_kind)k)), k);
    for (int k = 0; k < STAGE_COUNT; k++)
        T_EQ_INT(stage_parse(stage_name((enum stage)k)), k);
    T_EQ_INT(action_parse("dance"), -1);
    T_EQ_INT(stage_parse(NULL), -1);
}

/* A platform that cannot set a share, or tell two apart, is found before anything is moved. */
static int halves_only(const void *config, double share, double *out, struct err *err)
{
    (void)config;
    if (share < 0.1)
        return err_set(err, ERR_SPEC, "too small");
    *out = share < 1 ? 0.5 : 1;
    return 0;
}

static void plans_are_checked(void)
{
    static const struct spec_step fine[] = {{.share = 0.5}, {.share = 1}};
    static const struct spec_step small[] = {{.share = 0.01}, {.share = 1}};
    static const struct spec_step close[] = {{.share = 0.5}, {.share = 0.6}, {.share = 1}};
    static const struct spec_step open[] = {{.share = 0.5}, {.share = 0.6}};
    const struct platform halves = {
        .name = "halves", .traffic = GRIP_HOLD, .nearest = halves_only, .tolerance = 1e-9};
    struct spec spec = {.steps = fine, .n_steps = 2};
    struct plan plan;
    struct err err = {0};
    T_OK(pattern_plan_init(&plan, &spec, &halves, &err), err);
    T_CHECK(!plan.is_shadow);
    spec.steps = small;
    T_EQ_INT(pattern_plan_init(&plan, &spec, &halves, &err), -1);
    T_HAS_STR(err.message, "steps[0]");
    spec.steps = close;
    spec.n_steps = 3;
    T_EQ_INT(pattern_plan_init(&plan, &spec, &halves, &err), -1);
    T_HAS_STR(err.message, "cannot tell");
    spec.steps = open;
    spec.n_steps = 2;
    T_EQ_INT(pattern_plan_init(&plan, &spec, &halves, &err), -1);
    T_HAS_STR(err.message, "100 %");
    spec.steps = fine;
    spec.n_steps = 1;
    T_EQ_INT(pattern_plan_init(&plan, &spec, &halves, &err), -1);
    spec.n_steps = 2;
    spec.mode = MODE_SHADOW;
    T_OK(pattern_plan_init(&plan, &spec, &halves, &err), err);
    T_CHECK(plan.is_follower && plan.is_shadow);
}

/* Who goes back goes back for the first reason. */
static void the_way_back_keeps_its_reason(void)
{
    struct walk w;
    walk_init(&w, (struct wall){1});
    w.stage = STAGE_STEP;
    w.is_paused = w.is_forced = true;
    walk_undo(&w, OUTCOME_ROLLED_BACK, CAUSE_HARM, (struct wall){2});
    walk_undo(&w, OUTCOME_STOPPED, CAUSE_PERSON, (struct wall){3});
    T_EQ_INT(w.outcome, OUTCOME_ROLLED_BACK);
    T_EQ_INT(w.cause, CAUSE_HARM);
    T_EQ_INT(w.since.us, 2);
    T_CHECK(!w.is_paused && !w.is_forced);
    T_EQ_INT(walk_phase(&w), PHASE_FINISHING);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"state_reads_back", state_reads_back},
        {"names_read_back", names_read_back},
        {"plans_are_checked", plans_are_checked},
        {"the_way_back_keeps_its_reason", the_way_back_keeps_its_reason},
    };
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
