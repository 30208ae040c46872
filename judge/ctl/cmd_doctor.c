/* doctor: asks the service to look at what it stands on, and compares its clock with ours. */
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"

#define CLOCK_WARN_US (5 * US_PER_SECOND)

/* false when the clocks are so far apart that samples stamped here are refused there. */
static bool compare_clocks(const struct node *json, struct wall before, struct wall after)
{
    struct wall theirs;
    const char *now = node_get_string(json, "now");
    if (!now || wall_parse(now, &theirs) != 0)
        return true;
    const int64_t apart = theirs.us > after.us    ? theirs.us - after.us
                          : theirs.us < before.us ? before.us - theirs.us
                                                  : 0;
    if (apart <= CLOCK_WARN_US)
        return true;
    printf("failed   clock here       %.1f s from the service's: samples stamped here are refused "
           "or late\n",
           (double)apart / 1e6);
    return false;
}

static int doctor(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    size_t failed = 0;
    (void)args;
    const struct wall before = wall_now();
    if (ctl_get(f, "/v1/doctor", &answer, a, &err) != 0)
        return ctl_fail(&err);
    const struct wall after = wall_now();
    const struct node *findings = node_get(answer.json, "findings");
    const bool is_told = ctl_print_document(f, answer.body, answer.len, a);
    for (const struct node *n = findings ? findings->first : NULL; n; n = n->next) {
        const char *state = ctl_text(n, "state");
        failed += strcmp(state, "failed") == 0;
        if (!is_told)
            printf("%-8s %-16s %s\n", state, ctl_text(n, "what"), ctl_text(n, "detail"));
    }
    if (!is_told && !compare_clocks(answer.json, before, after))
        failed++;
    return failed ? EXIT_REFUSED : 0;
}

static const struct option_row rows[] = {COMMON_ROWS};
const struct command doctor_command = {
    "doctor",        "",    0, 0, "look at clocks, Redis, disk, samples and sources", rows,
    ARRAY_LEN(rows), doctor};
