#include "collectors/cloudwatch/metric.h"

#include <string.h>

#include "collectors/cloudwatch/limits.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

/* ---- statistics ---- */

/* Digits, and at most ten more behind a point, in [0, max]: text[0..len). */
static bool is_bound(const char *text, size_t len, double max)
{
    size_t points = 0, behind = 0;
    double value;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.')
            points++;
        else if (text[i] < '0' || text[i] > '9')
            return false;
        else if (points)
            behind++;
    }
    if (len == 0 || text[0] == '.' || points > 1 || (points && behind == 0) || behind > 10)
        return false;
    return num_parse_double(text, len, &value) == 0 && value <= max;
}

/* "(low:high)", each with or without %, either of them empty. */
static bool is_range(const char *text, bool only_values)
{
    size_t len = strlen(text);
    if (len < 3 || text[0] != '(' || text[len - 1] != ')')
        return false;
    const char *low = text + 1, *colon = strchr(low, ':'), *end = text + len - 1;
    if (!colon || colon + 1 > end || (colon == low && colon + 1 == end))
        return false;
    const char *parts[2][2] = {{low, colon}, {colon + 1, end}};
    int percents = 0, given = 0;
    for (int i = 0; i < 2; i++) {
        size_t n = (size_t)(parts[i][1] - parts[i][0]);
        if (n == 0)
            continue;
        bool is_percent = parts[i][0][n - 1] == '%';
        given++;
        percents += is_percent;
        if (!is_bound(parts[i][0], n - is_percent, is_percent ? 100 : 1e300))
            return false;
    }
    return percents == 0 || (percents == given && !only_values);
}

int metric_check_stat(const char *stat, struct err *err)
{
    static const char *const plain[] = {"SampleCount", "Sum",     "Average",
                                        "Minimum",     "Maximum", "IQM"};
    static const char *const trims[] = {"p", "tm", "tc", "ts", "wm"};
    static const char *const ranges[] = {"TM", "TC", "TS", "WM"};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (strcmp(stat, plain[i]) == 0)
            return 0;
    for (size_t i = 0; i < ARRAY_LEN(trims); i++) {
        size_t n = strlen(trims[i]);
        if (strncmp(stat, trims[i], n) == 0 && is_bound(stat + n, strlen(stat + n), 100))
            return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (strncmp(stat, ranges[i], 2) == 0 && is_range(stat + 2, false))
            return 0;
    if (strncmp(stat, "PR", 2) == 0 && is_range(stat + 2, true))
        return 0;
    return err_set(err, ERR_SPEC,
                   "`%.40s` is no statistic of CloudWatch; write one of SampleCount, Sum, Average, "
                   "Minimum, Maximum, IQM, a percentile (p99.9), a trimmed or winsorised mean "
                   "(tm95, wm95, TM(2%%:98%%)), tc, ts, or PR(low:high)",
                   stat);
}

bool metric_is_count(const char *stat)
{
    return strcmp(stat, "Sum") == 0 || strcmp(stat, "SampleCount") == 0;
}

/* ---- periods ---- */

int metric_check_period(int64_t period_us, struct err *err)
{
    static const int high_resolution[] = {1, 5, 10, 20, 30};
    for (size_t i = 0; i < ARRAY_LEN(high_resolution); i++)
        if (period_us == high_resolution[i] * US_PER_SECOND)
            return 0;
    if (period_us % (60 * US_PER_SECOND) == 0 && period_us >= 60 * US_PER_SECOND &&
        period_us <= CLOUDWATCH_PERIOD_MAX_S * US_PER_SECOND &&
        CLOUDWATCH_PERIOD_MAX_S * US_PER_SECOND % period_us == 0)
        return 0;
    char text[WALL_TEXT_BYTES];
    return err_set(err, ERR_SPEC,
                   "`period` is %s; CloudWatch keeps 1s, 5s, 10s, 20s, 30s (of metrics stored at "
                   "high resolution) and whole minutes that divide an hour, as in 1m or 5m",
                   duration_format(period_us, text));
}

/* Retention as published: below 60 s 3 h, 60 s 15 days, 300 s 63 days, 3,600 s 455 days. */
int64_t metric_kept_us(int64_t period_us)
{
    const int64_t hour = 3600 * US_PER_SECOND, day = 24 * hour;
    if (period_us < 60 * US_PER_SECOND)
        return 3 * hour;
    if (period_us % (300 * US_PER_SECOND) != 0)
        return 15 * day;
    return period_us % hour != 0 ? 63 * day : 455 * day;
}

int64_t metric_default_delay_us(int64_t period_us)
{
    const int64_t least = CLOUDWATCH_DELAY_MIN_S * US_PER_SECOND;
    return 2 * period_us > least ? 2 * period_us : least;
}

/* ---- names ---- */

static bool is_printable(const char *text)
{
    for (size_t i = 0; text[i]; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
            return false;
    return text[0] != '\0';
}

int metric_check_name(const char *what, const char *name, struct err *err)
{
    if (is_printable(name) && strlen(name) <= CLOUDWATCH_NAME_BYTES)
        return 0;
    return err_set(err, ERR_SPEC, "`%s` is 1 to %d bytes of printable ASCII", what,
                   CLOUDWATCH_NAME_BYTES);
}

int metric_check_namespace(const char *name, struct err *err)
{
    if (name[0] == ':')
        return err_set(err, ERR_SPEC, "`namespace` may not begin with a colon");
    return metric_check_name("namespace", name, err);
}

static int check_dimension(const struct label *l, struct err *err)
{
    if (!is_printable(l->name) || !is_printable(l->value) || l->name[0] == ':' ||
        strlen(l->name) > CLOUDWATCH_DIMENSION_NAME_BYTES)
        return err_set(err, ERR_SPEC,
                       "dimension `%.60s`: name and value are printable ASCII, and a name does not "
                       "begin with a colon",
                       l->name);
    return 0;
}

int metric_check_dimensions(const struct labels *all, const struct cohort_labels *cohorts,
                            struct err *err)
{
    const struct labels *sides[] = {&cohorts->baseline, &cohorts->candidate};
    for (size_t i = 0; i < all->n; i++)
        if (check_dimension(&all->items[i], err) != 0)
            return -1;
    for (size_t s = 0; s < 2; s++) {
        const struct labels *side = sides[s];
        if (side->n + all->n > CLOUDWATCH_DIMENSIONS_MAX)
            return err_set(err, ERR_SPEC, "a metric has at most %d dimensions; these are %zu",
                           CLOUDWATCH_DIMENSIONS_MAX, side->n + all->n);
        for (size_t i = 0; i < side->n; i++) {
            if (check_dimension(&side->items[i], err) != 0)
                return -1;
            for (size_t j = 0; j < all->n; j++)
                if (strcmp(side->items[i].name, all->items[j].name) == 0)
                    return err_set(err, ERR_SPEC,
                                   "dimension `%.60s` stands in `dimensions` and in `cohorts`: "
                                   "what tells the cohorts apart stands in `cohorts` alone",
                                   side->items[i].name);
        }
    }
    const struct labels *a = sides[0], *b = sides[1];
    size_t same = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++)
            same += strcmp(a->items[i].name, b->items[j].name) == 0 &&
                    strcmp(a->items[i].value, b->items[j].value) == 0;
    if (same == a->n && same == b->n)
        return err_set(
            err, ERR_SPEC,
            "`cohorts` gives baseline and candidate the same dimensions: they must differ");
    return 0;
}

static bool is_region(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return text[n] == '\0' && n >= 4 && n < 32 && text[0] != '-' && text[n - 1] != '-';
}

int metric_check_place(const char *region, const char *role_arn, const char *external_id,
                       struct err *err)
{
    if (region && !is_region(region))
        return err_set(err, ERR_SPEC, "`region` is `%.40s`; write one as in eu-west-1", region);
    if (role_arn && strncmp(role_arn, "arn:", 4) != 0)
        return err_set(err, ERR_SPEC,
                       "`role_arn` is `%.60s`; write one as in "
                       "arn:aws:iam::111122223333:role/release-judge",
                       role_arn);
    if (external_id && !role_arn)
        return err_set(err, ERR_SPEC, "`external_id` has no meaning without `role_arn`");
    return 0;
}

/* Application and Network Load Balancer, "Reporting criteria: there is a nonzero value". */
bool metric_is_silent_at_zero(const char *name_space, const char *name)
{
    static const char *const alb[] = {"HTTPCode_", "TargetConnectionErrorCount",
                                      "TargetTLSNegotiationErrorCount", "LambdaUserError",
                                      "LambdaInternalError"};
    if (strcmp(name_space, "AWS/ApplicationELB") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(alb); i++)
        if (strncmp(name, alb[i], strlen(alb[i])) == 0)
            return true;
    return false;
}
