#include "stats/sequential/monitor.h"

#include <math.h>
#include <string.h>

static int level_check(double level, const char *name, struct err *err)
{
    if (!(level > 0 && level < 1))
        return err_set(err, ERR_INPUT, "the level of %s must be between 0 and 1", name);
    return 0;
}

int monitor_init(struct monitor *m, const struct monitor_plan *plan, struct err *err)
{
    if (!(plan->information_max > 0) || !isfinite(plan->information_max))
        return err_set(err, ERR_INPUT, "the planned information must be finite and > 0");
    if (!(plan->tolerance < plan->margin) || !isfinite(plan->tolerance) || !isfinite(plan->margin))
        return err_set(err, ERR_INPUT, "tolerance must be below margin, both finite");
    if (level_check(plan->fail_level, "fail", err) != 0 ||
        level_check(plan->pass_level, "pass", err) != 0 ||
        spending_check(&plan->fail_spending, err) != 0 ||
        spending_check(&plan->pass_spending, err) != 0)
        return -1;
    memset(m, 0, sizeof(*m));
    m->plan = *plan;
    return 0;
}

struct monitor_look monitor_look_of(const struct monitor_plan *plan, double estimate,
                                    double standard_error, bool last)
{
    return (struct monitor_look){
        .information = 1 / (standard_error * standard_error),
        .z_fail = (estimate - plan->tolerance) / standard_error,
        .z_pass = (plan->margin - estimate) / standard_error,
        .last = last,
    };
}

/*
 * The bound of the newest look. The recursion is run again from the first one: a side that rejected
 * goes on as if it had not, so that its later bounds stay those of the plan.
 */
static void side_take(const struct monitor *m, struct monitor_side *side,
                      const struct spending *spending, double level, double z)
{
    struct continuation c;
    size_t now = m->looks - 1;
    double by_now =
        m->finished ? level : spending_at(spending, level, m->t[now] / m->plan.information_max);
    continuation_init(&c, 0);
    for (size_t i = 0; i < now; i++)
        continuation_stop(&c, m->t[i], -INFINITY, side->upper[i]);
    side->z[now] = z;
    side->upper[now] = continuation_upper(&c, m->t[now], by_now - side->spent);
    side->spent = fmax(side->spent, by_now);
    if (z >= side->upper[now] && side->rejected_at == 0)
        side->rejected_at = m->looks;
    continuation_release(&c);
}

int monitor_take(struct monitor *m, const struct monitor_look *look, struct err *err)
{
    double newest = m->looks ? m->t[m->looks - 1] : 0;
    if (!(look->information > 0) || !isfinite(look->information))
        return err_set(err, ERR_INPUT, "the information of a look must be finite and > 0");
    if (!isfinite(look->z_fail) || !isfinite(look->z_pass))
        return err_set(err, ERR_INPUT, "the statistics of a look must be finite");
    if (m->finished)
        return err_set(err, ERR_CONFLICT, "the levels are spent: there is no look after the last");
    if (!look->last && look->information <= newest * (1 + LOOK_REPEATED))
        return 0;
    if (m->looks == LOOKS_MAX - 1 && !look->last && look->information < m->plan.information_max)
        return err_set(err, ERR_LIMIT, "%d looks taken: only the last one can follow",
                       LOOKS_MAX - 1);
    /* A variance that was revised upward can take information back; time does not run back. */
    m->error[m->looks] = 1 / sqrt(look->information);
    m->t[m->looks++] = fmax(look->information, newest);
    m->finished = look->last || look->information >= m->plan.information_max;
    side_take(m, &m->fail, &m->plan.fail_spending, m->plan.fail_level, look->z_fail);
    side_take(m, &m->pass, &m->plan.pass_spending, m->plan.pass_level, look->z_pass);
    return 0;
}

bool monitor_is_harmful(const struct monitor *m)
{
    return m->fail.rejected_at > 0;
}

bool monitor_is_harmless(const struct monitor *m)
{
    return m->pass.rejected_at > 0;
}

struct monitor_interval monitor_interval(const struct monitor *m)
{
    struct monitor_interval interval = {-INFINITY, INFINITY};
    for (size_t i = 0; i < m->looks; i++) {
        double lower = m->plan.tolerance + (m->fail.z[i] - m->fail.upper[i]) * m->error[i];
        double upper = m->plan.margin - (m->pass.z[i] - m->pass.upper[i]) * m->error[i];
        interval.lower = fmax(interval.lower, lower);
        interval.upper = fmin(interval.upper, upper);
    }
    return interval;
}
