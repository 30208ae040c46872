#include "stats/kayenta/windows.h"

static bool is_span(int64_t us)
{
    return us >= 0 && us <= WINDOWS_SPAN_MAX_US;
}

int schedule_lifetime(const struct canary_schedule *s, int64_t *lifetime_us, struct err *err)
{
    if (s->has_start && s->has_end)
        *lifetime_us = s->end.us - s->start.us;
    else if (s->has_lifetime)
        *lifetime_us = s->lifetime_us;
    else
        return err_set(err, ERR_INPUT,
                       "no lifetime: want a start and an end time, or a lifetime duration");
    if (!is_span(*lifetime_us))
        return err_set(err, ERR_INPUT, "the lifetime is negative or over ten years");
    return 0;
}

int schedule_judgements(const struct canary_schedule *s, int64_t *interval_us, int64_t *n,
                        struct err *err)
{
    int64_t lifetime = 0;
    if (schedule_lifetime(s, &lifetime, err) != 0)
        return -1;
    if (!is_span(s->interval_us))
        return err_set(err, ERR_INPUT, "the interval is negative or over ten years");
    *interval_us = s->interval_us == 0 || s->interval_us > lifetime ? lifetime : s->interval_us;
    *n = *interval_us ? lifetime / *interval_us : 0;
    return 0;
}

struct judgement_window schedule_window(const struct canary_schedule *s, int64_t i,
                                        int64_t interval_us, struct wall now)
{
    BUG_ON(i < 1 || !is_span(interval_us) || i > WINDOWS_SPAN_MAX_US);
    BUG_ON(interval_us > WINDOWS_SPAN_MAX_US / i || !is_span(s->begin_after_us) ||
           !is_span(s->lookback_us) || !is_span(s->control_back_us));
    struct judgement_window w = {.start = s->has_start ? s->start : now};
    w.end.us = w.start.us + i * interval_us;
    if (!s->has_end) {
        w.start.us += s->begin_after_us;
        w.end.us += s->begin_after_us;
    }
    if (s->lookback_us > 0)
        w.start.us = w.end.us - s->lookback_us;
    w.control_start.us = w.start.us - s->control_back_us;
    w.control_end.us = w.end.us - s->control_back_us;
    return w;
}
