/*
 * validate --check: the service asks the spec's sources (it has the connections and secrets), here
 * the answer is shown: for each metric and cohort its series and the last hour's points.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/ctl/ctl.h"
#include "lib/base/num.h"

#define SPEC_TYPE    "application/yaml"
#define CHECK_PATH   "/v1/releases?dry_run=1&check=1"
#define SHOWN_GROUPS 12 /* of the last hour: five minutes each */

/* Points added up: what happened of how much, or a mean of values. */
struct sum {
    double value, of;
    size_t n;
};

static void sum_add(struct sum *s, const struct node *point)
{
    double events = node_get_number(point, "events", NAN),
           value = node_get_number(point, "value", node_get_number(point, "quantile", NAN));
    s->value += isnan(events) ? value : events;
    s->of += isnan(events) ? 1 : node_get_number(point, "exposure", 0);
    s->n++;
}

/* As the metric's kind is read: a share, a ratio, a value. */
static const char *sum_words(const struct sum *s, const char *kind, struct arena *a)
{
    char text[NUM_TEXT_BYTES];
    const double v = s->value / s->of;
    if (s->n == 0 || !isfinite(v))
        return "-";
    return arena_strdup(a, strcmp(kind, "proportion") == 0 ? num_words_percent(v, text)
                                                           : num_words(v, text));
}

static void print_points(const struct node *points, const char *kind, const char *stretch,
                         struct arena *a)
{
    struct sum all = {0}, groups[SHOWN_GROUPS] = {{0}};
    char n[NUM_TEXT_BYTES];
    const char *newest = "";
    size_t i = 0;
    const size_t each =
        points->len > SHOWN_GROUPS ? (points->len + SHOWN_GROUPS - 1) / SHOWN_GROUPS : 1;
    for (const struct node *p = points->first; p; p = p->next, i++) {
        sum_add(&all, p);
        sum_add(&groups[i / each], p);
        newest = ctl_text(p, "at");
    }
    printf("%zu point%s of %s, newest %s: %s", points->len, points->len == 1 ? "" : "s", stretch,
           newest, sum_words(&all, kind, a));
    if (!isnan(node_get_number(points->first, "events", NAN)))
        printf(" of %s", num_words_count(all.of, n));
    if (points->len > 1) {
        printf("\n%14s", "");
        for (i = 0; i < SHOWN_GROUPS && groups[i].n; i++)
            printf("%s%s", i ? ", " : "", sum_words(&groups[i], kind, a));
    }
    printf("\n");
}

static void print_cohort(const char *name, const struct node *c, const char *kind, struct arena *a)
{
    const struct node *series = node_get(c, "series"), *points = node_get(c, "points");
    const double n = node_get_number(c, "n_series", 0);
    const char *seen = ctl_text(c, "seen");
    printf("  %-11s %.0f series, ", name, n);
    if (points && points->len > 0)
        print_points(points, kind, ctl_text(c, "stretch"), a);
    else if (*seen)
        printf("newest sample %s\n", seen);
    else
        printf("no points\n");
    for (const struct node *s = series ? series->first : NULL; s; s = s->next)
        printf("%14s%s\n", "", s->text ? s->text : "");
    if (series && n > (double)series->len)
        printf("%14sand %.0f more\n", "", n - (double)series->len);
}

/* true when the metric could be judged. */
static bool print_metric(const struct node *m, struct arena *a)
{
    const bool is_ok = node_get_bool(m, "ok", false);
    const char *kind = ctl_text(m, "kind");
    printf("%s (%s, %s): %s%s%s\n", ctl_text(m, "metric"), kind, ctl_text(m, "source"),
           ctl_colour(is_ok ? "harmless" : "no_data"), is_ok ? "ok" : ctl_text(m, "problem"),
           ctl_colour_off());
    print_cohort("baseline", node_get(m, "baseline"), kind, a);
    print_cohort("candidate", node_get(m, "candidate"), kind, a);
    if (*ctl_text(m, "note"))
        printf("  note: %s\n", ctl_text(m, "note"));
    return is_ok;
}

int ctl_check_spec(const struct flags *f, const char *path, const char *bytes, size_t len,
                   struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    bool is_ok = true;
    const struct ask ask = {
        .method = "POST",
        .path = CHECK_PATH,
        .type = SPEC_TYPE,
        .body = bytes,
        .body_len = len,
    };
    if (ctl_ask(f, &ask, &answer, a, &err) != 0) {
        err_context(&err, "%s", path);
        return ctl_fail(&err);
    }
    const bool is_text = !ctl_print_document(f, answer.body, answer.len, a);
    const struct node *list = node_get(answer.json, "check");
    for (const struct node *m = list ? list->first : NULL; m; m = m->next)
        is_ok = (is_text ? print_metric(m, a) : node_get_bool(m, "ok", false)) && is_ok;
    return is_ok ? 0 : EXIT_NO_DATA;
}
