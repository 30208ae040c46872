/* Comma separated values with a header, fields in double quotes where they hold commas. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "judge/backtest/history_priv.h"
#include "lib/base/num.h"

#define FIELDS_MAX  64
#define FIELD_BYTES 256
#define VALUE_MAX   1e15
#define COUNT_MAX   1e12
#define TIME_MAX    1e11

enum column {
    COLUMN_TIME,
    COLUMN_COHORT,
    COLUMN_METRIC,
    COLUMN_VALUE,
    COLUMN_EVENTS,
    COLUMN_EXPOSURE,
    COLUMN_COUNT,
    COLUMN_SHARE,
    COLUMNS
};

static const char *const column_names[COLUMNS] = {
    [COLUMN_TIME] = "time",   [COLUMN_COHORT] = "cohort", [COLUMN_METRIC] = "metric",
    [COLUMN_VALUE] = "value", [COLUMN_EVENTS] = "events", [COLUMN_EXPOSURE] = "exposure",
    [COLUMN_COUNT] = "count", [COLUMN_SHARE] = "share",
};

struct fields {
    char text[FIELDS_MAX][FIELD_BYTES];
    size_t n;
};

/* One line into fields; -1 with the line refused. */
static int split(struct reading *r, uint64_t number, const char *p, const char *end,
                 struct fields *out)
{
    out->n = 0;
    for (;;) {
        char *to = out->text[out->n];
        size_t len = 0;
        bool is_quoted = p < end && *p == '"';
        p += is_quoted;
        for (; p < end && (is_quoted || *p != ','); p++) {
            if (is_quoted && *p == '"') {
                if (p + 1 == end || p[1] != '"') {
                    p++;
                    is_quoted = false;
                    break;
                }
                p++;
            }
            if (len + 1 == FIELD_BYTES)
                return history_refuse(r, number, "a field is over %d bytes", FIELD_BYTES - 1), -1;
            to[len++] = *p;
        }
        to[len] = '\0';
        out->n++;
        if (is_quoted)
            return history_refuse(r, number, "a quote is not closed"), -1;
        if (p == end)
            return 0;
        if (*p != ',')
            return history_refuse(r, number, "something follows a closing quote"), -1;
        if (out->n == FIELDS_MAX)
            return history_refuse(r, number, "more than %d fields", FIELDS_MAX), -1;
        p++;
    }
}

static int read_header(const struct fields *f, int at[COLUMNS], struct err *err)
{
    for (int c = 0; c < COLUMNS; c++)
        at[c] = -1;
    for (size_t i = 0; i < f->n; i++) {
        int c = 0;
        while (c < COLUMNS && strcmp(column_names[c], f->text[i]) != 0)
            c++;
        if (c == COLUMNS)
            return err_set(err, ERR_INPUT,
                           "line 1: no column is called `%.40s`; there are time, cohort, metric, "
                           "value, events, exposure, count, share",
                           f->text[i]);
        if (at[c] >= 0)
            return err_set(err, ERR_INPUT, "line 1: column `%s` is there twice", f->text[i]);
        at[c] = (int)i;
    }
    for (int c = COLUMN_TIME; c <= COLUMN_METRIC; c++)
        if (at[c] < 0)
            return err_set(err, ERR_INPUT, "line 1: column `%s` is missing", column_names[c]);
    if (at[COLUMN_VALUE] < 0 && at[COLUMN_EVENTS] < 0)
        return err_set(err, ERR_INPUT, "line 1: want a column `value`, or `events` and `exposure`");
    if ((at[COLUMN_EVENTS] < 0) != (at[COLUMN_EXPOSURE] < 0))
        return err_set(err, ERR_INPUT, "line 1: `events` and `exposure` go together");
    return 0;
}

struct row {
    uint64_t number;
    const char *text[COLUMNS]; /* NULL: no such column or an empty field */
    double value[COLUMNS];     /* NAN likewise */
    int64_t us;
};

static int read_time(struct reading *r, struct row *row)
{
    const char *text = row->text[COLUMN_TIME];
    struct wall at;
    double seconds;
    if (text && num_parse_double(text, strlen(text), &seconds) == 0 && seconds >= 0 &&
        seconds <= TIME_MAX)
        row->us = llround(seconds * 1e6);
    else if (text && wall_parse(text, &at) == 0)
        row->us = at.us;
    else
        return history_refuse(r, row->number,
                              "time `%.40s` is neither seconds since 1970 nor RFC 3339",
                              text ? text : ""),
               -1;
    return 0;
}

static int read_numbers(struct reading *r, struct row *row)
{
    static const double most[COLUMNS] = {
        [COLUMN_VALUE] = VALUE_MAX, [COLUMN_EVENTS] = VALUE_MAX, [COLUMN_EXPOSURE] = VALUE_MAX,
        [COLUMN_COUNT] = COUNT_MAX, [COLUMN_SHARE] = 1,
    };
    for (int c = COLUMN_VALUE; c < COLUMNS; c++) {
        const char *text = row->text[c];
        row->value[c] = NAN;
        if (!text)
            continue;
        int rc = c == COLUMN_SHARE ? num_parse_fraction(text, strlen(text), &row->value[c], NULL)
                                   : num_parse_double(text, strlen(text), &row->value[c]);
        if (rc != 0 || !(row->value[c] >= 0 && row->value[c] <= most[c]))
            return history_refuse(r, row->number, "%s `%.40s` is not a number from 0 to %g",
                                  column_names[c], text, most[c]),
                   -1;
    }
    if (isnan(row->value[COLUMN_COUNT]))
        row->value[COLUMN_COUNT] = 1;
    double count = row->value[COLUMN_COUNT];
    if (!(count >= 1 && count == floor(count)))
        return history_refuse(r, row->number, "count %g is not a whole number from 1", count), -1;
    return 0;
}

static void add_shift(struct reading *r, int64_t us, double share)
{
    struct history *h = r->h;
    if (h->n_shifts == r->shifts_cap) {
        r->shifts_cap = r->shifts_cap ? 2 * r->shifts_cap : 64;
        h->shifts = mem_grow(h->shifts, r->shifts_cap, sizeof(*h->shifts));
    }
    h->shifts[h->n_shifts++] = (struct history_shift){us, share};
}

/* Adds the row to the block of its time, metric and cohort; -1 with it refused. */
static int add_row(struct reading *r, const struct row *row, size_t metric, int cohort)
{
    const struct spec_metric *m = &r->spec->metrics[metric];
    double value = row->value[COLUMN_VALUE], count = row->value[COLUMN_COUNT];
    double events = row->value[COLUMN_EVENTS], exposure = row->value[COLUMN_EXPOSURE];
    enum summary_kind kind = summary_kind_of(m->kind);
    struct sums_key key = {.block = block_of((struct wall){row->us}, r->spec->policy.block_us),
                           .release = HISTORY_RELEASE,
                           .metric = (uint16_t)metric,
                           .cohort = (uint8_t)cohort,
                           .kind = (uint8_t)kind};
    struct sums *sums = sums_set_get(&r->sums, &key);
    if (!sums)
        return history_refuse(r, row->number, "the history does not fit the memory limit"), -1;
    if (kind == SUMMARY_HIST) {
        if (isnan(value) || !hist_takes(value))
            return history_refuse(r, row->number, "%s is a quantile: want a value from 0 on",
                                  m->name),
                   -1;
        sums_add_value(&r->sums, sums, value, (uint64_t)count);
        return 0;
    }
    if (kind == SUMMARY_MOMENTS) {
        if (isnan(value))
            return history_refuse(r, row->number, "%s is a mean: want a value", m->name), -1;
        sums_add_moment(sums, m->cap > 0 ? fmin(value, m->cap) : value, (uint64_t)count);
        return 0;
    }
    if (isnan(events) && !isnan(value)) {
        events = value * count;
        exposure = count;
    }
    if (isnan(events) || isnan(exposure))
        return history_refuse(r, row->number, "%s is a %s: want events and exposure, or a value",
                              m->name, metric_kind_name(m->kind)),
               -1;
    sums->events += events;
    sums->exposure += exposure;
    sums->samples += (uint64_t)count;
    return 0;
}

static void read_row(struct reading *r, const struct fields *f, const int at[COLUMNS],
                     uint64_t number)
{
    struct row row = {.number = number};
    int cohort = -1;
    for (int c = 0; c < COLUMNS; c++)
        if (at[c] >= 0 && f->text[at[c]][0])
            row.text[c] = f->text[at[c]];
    if (read_time(r, &row) != 0 || read_numbers(r, &row) != 0)
        return;
    const char *name = row.text[COLUMN_COHORT];
    if (name && strcmp(name, "baseline") == 0)
        cohort = COHORT_BASELINE;
    else if (name && strcmp(name, "candidate") == 0)
        cohort = COHORT_CANDIDATE;
    if (cohort < 0) {
        history_refuse(r, number, "cohort `%.40s` is neither baseline nor candidate",
                       name ? name : "");
        return;
    }
    if (!row.text[COLUMN_METRIC]) {
        history_refuse(r, number, "metric is empty");
        return;
    }
    if (!isnan(row.value[COLUMN_SHARE]))
        add_shift(r, row.us, row.value[COLUMN_SHARE]);
    for (size_t i = 0; i < r->spec->n_metrics; i++)
        if (strcmp(r->spec->metrics[i].name, row.text[COLUMN_METRIC]) == 0) {
            add_row(r, &row, i, cohort);
            return;
        }
    r->h->unused++;
}

static int by_time(const void *a, const void *b)
{
    const struct history_shift *x = a, *y = b;
    if (x->us != y->us)
        return x->us < y->us ? -1 : 1;
    return (x->share > y->share) - (x->share < y->share);
}

/* Every row said its share: what stays are the changes. Two shares at one time may be a shift that
 * coarse times cannot place; more of them than a release has steps are no shifts. */
static int keep_changes(struct history *h, struct err *err)
{
    char when[WALL_TEXT_BYTES];
    size_t n = 0, both = 0;
    if (!h->n_shifts)
        return 0;
    qsort(h->shifts, h->n_shifts, sizeof(*h->shifts), by_time);
    for (size_t i = 0; i < h->n_shifts; i++) {
        const struct history_shift s = h->shifts[i], *last = n ? &h->shifts[n - 1] : NULL;
        if (last && last->share == s.share)
            continue;
        if (i && h->shifts[i - 1].us == s.us && ++both > MODEL_STEPS_MAX)
            return err_set(err, ERR_INPUT,
                           "share is %g and %g at %s: it is the candidate's, on the rows of both "
                           "cohorts",
                           last->share, s.share, wall_format((struct wall){s.us}, when));
        if (n == HISTORY_SHIFTS_MAX)
            return err_set(err, ERR_INPUT, "share changes more than %d times", HISTORY_SHIFTS_MAX);
        h->shifts[n++] = s;
    }
    h->n_shifts = n;
    return 0;
}

int history_read_csv(struct reading *r, const char *bytes, size_t len, struct err *err)
{
    const char *p = bytes, *end = bytes + len;
    struct fields *f = mem_alloc(sizeof(*f));
    int at[COLUMNS], rc = 0;
    bool has_header = false;
    uint64_t number = 0;
    size_t width = 0;
    while (p < end && rc == 0) {
        const char *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
        const char *line = p;
        p = newline ? newline + 1 : end;
        number++;
        if (stop > line && stop[-1] == '\r')
            stop--;
        if (stop == line)
            continue;
        if (split(r, number, line, stop, f) != 0)
            continue;
        if (!has_header) {
            rc = read_header(f, at, err);
            width = f->n;
            has_header = true;
            continue;
        }
        r->h->rows++;
        if (f->n == width)
            read_row(r, f, at, number);
        else
            history_refuse(r, number, "%zu fields, the header has %zu", f->n, width);
    }
    free(f);
    if (rc == 0 && !has_header)
        rc = err_set(err, ERR_INPUT, "the file is empty");
    if (rc == 0 && !r->complaints->all)
        rc = keep_changes(r->h, err);
    return rc;
}
