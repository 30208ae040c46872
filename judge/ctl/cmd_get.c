/* get RELEASE, list, report RELEASE, platforms: reading. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "judge/ctl/rows.h"
#include "judge/vocabulary/vocabulary.h"
#include "lib/base/num.h"
#include "lib/base/writer.h"
#include "strategies/platforms/platform.h"

/* "1.08 [0.71, 1.62]" */
static const char *effect_words(const struct node *effect, struct arena *a)
{
    char estimate[NUM_TEXT_BYTES], lower[NUM_TEXT_BYTES], upper[NUM_TEXT_BYTES];
    const double e = node_get_number(effect, "estimate", NAN),
                 l = node_get_number(effect, "lower", NAN),
                 u = node_get_number(effect, "upper", NAN);
    if (isnan(e))
        return "-";
    return arena_printf(a, "%s [%s, %s]", num_words(e, estimate),
                        isnan(l) ? "0" : num_words(l, lower),
                        isnan(u) ? "inf" : num_words(u, upper));
}

static void print_verdict(const struct node *v, struct arena *a)
{
    const char *word = ctl_text(v, "verdict");
    const struct node *metrics = node_get(v, "metrics");
    printf("verdict:   %s%s%s (%s, guarantee %s)\n", ctl_colour(word), word, ctl_colour_off(),
           ctl_text(v, "health"), ctl_text(v, "guarantee"));
    printf("reason:    %s\n", ctl_text(v, "reason"));
    for (const struct node *m = metrics ? metrics->first : NULL; m; m = m->next) {
        const char *state = ctl_text(m, "state");
        printf("  %-20s %s%-10s%s %-26s %s\n", ctl_text(m, "name"), ctl_colour(state), state,
               ctl_colour_off(), effect_words(node_get(m, "effect"), a), ctl_text(m, "reason"));
    }
}

static int get(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    char share[NUM_TEXT_BYTES];
    if (ctl_get(f, arena_printf(a, "/v1/releases/%s", ctl_encode(args->values[0], a)), &answer, a,
                &err) != 0)
        return ctl_fail(&err);
    if (ctl_print_document(f, answer.body, answer.len, a))
        return 0;
    const struct node *r = answer.json, *progress = node_get(r, "progress"),
                      *verdict = node_get(r, "verdict");
    const char *outcome = ctl_text(r, "outcome");
    const double now = node_get_number(progress, "share", NAN);
    const char *revision = ctl_text(r, "revision");
    printf("release:   %s (%s %s%s%s)\n", ctl_text(r, "release"), ctl_text(r, "service"),
           ctl_text(r, "environment"), *revision ? ", revision " : "", revision);
    printf("phase:     %s%s%s%s\n", ctl_text(r, "phase"), *outcome ? ", " : "", outcome,
           node_get_bool(r, "paused", false) ? ", paused" : "");
    if (node_get_bool(r, "paused", false))
        printf("paused:    %s\n", ctl_text(r, "paused_why"));
    if (!isnan(now))
        printf("share:     %s  %s\n", num_words_percent(now, share), ctl_text(progress, "weights"));
    if (verdict && verdict->type == NODE_OBJECT)
        print_verdict(verdict, a);
    return 0;
}

static int list(const struct flags *f, const struct option_args *args, struct arena *a)
{
    struct err err = {0};
    struct answer answer;
    char share[NUM_TEXT_BYTES];
    const char *path =
        arena_printf(a, "/v1/releases?limit=500%s%s%s%s%s", f->active ? "&active" : "",
                     *f->service ? "&service=" : "", ctl_encode(f->service, a),
                     *f->environment ? "&environment=" : "", ctl_encode(f->environment, a));
    if (ctl_get(f, path, &answer, a, &err) != 0)
        return ctl_fail(&err);
    if (ctl_print_document(f, answer.body, answer.len, a))
        return 0;
    const struct node *releases = node_get(answer.json, "releases");
    printf("%-32s %-16s %-12s %-12s %7s  %s\n", "RELEASE", "SERVICE", "ENVIRONMENT", "PHASE",
           "SHARE", "VERDICT");
    for (const struct node *r = releases ? releases->first : NULL; r; r = r->next) {
        const char *outcome = ctl_text(r, "outcome"),
                   *phase = *outcome ? outcome : ctl_text(r, "phase");
        const double now = node_get_number(node_get(r, "progress"), "share", NAN);
        printf("%-32s %-16s %-12s %s%-12s%s %7s  %s\n", ctl_text(r, "release"),
               ctl_text(r, "service"), ctl_text(r, "environment"), ctl_colour(phase), phase,
               ctl_colour_off(), isnan(now) ? "-" : num_words_percent(now, share),
               ctl_text(node_get(r, "verdict"), "verdict"));
    }
    if (*ctl_text(answer.json, "next"))
        fprintf(stderr, "judgectl: there are more, older ones: narrow it with --service, "
                        "--environment or --active\n");
    return 0;
}

static int report(const struct flags *f, const struct option_args *args, struct arena *a)
{
    static const struct {
        const char *format, *type;
    } formats[] = {{"markdown", "text/markdown"},
                   {"html", "text/html"},
                   {"csv", "text/csv"},
                   {"json", "application/json"}};
    struct err err = {0};
    struct answer answer;
    const char *type = NULL;
    const bool is_document = strcmp(f->output, "text") != 0;
    if (is_document && strcmp(f->format, "markdown") != 0 && strcmp(f->format, "json") != 0) {
        err_set(&err, ERR_USAGE, "--output %s is of the JSON report, not of --format %s", f->output,
                f->format);
        return ctl_fail(&err);
    }
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i].format, f->format) == 0)
            type = formats[i].type;
    const struct ask ask = {
        .method = "GET",
        .path = arena_printf(a, "/v1/releases/%s/report", ctl_encode(args->values[0], a)),
        .accept = is_document ? NULL : type,
    };
    if (ctl_ask(f, &ask, &answer, a, &err) != 0)
        return ctl_fail(&err);
    if (!ctl_print_document(f, answer.body, answer.len, a))
        fwrite(answer.body, 1, answer.len, stdout);
    return 0;
}

static int platforms(const struct flags *f, const struct option_args *args, struct arena *a)
{
    const struct vocabulary *v = vocabulary_all();
    struct buf out;
    struct writer w;
    buf_init(&out, (size_t)1 << 20);
    writer_init(&w, &out);
    writer_array(&w);
    for (size_t i = 0; i < v->n_platforms; i++) {
        const struct platform *p = v->platforms[i]->implementation;
        writer_object(&w);
        writer_kv_string(&w, "platform", v->platforms[i]->name);
        writer_kv_string(&w, "traffic", grip_name(p->traffic));
        writer_kv_string(&w, "fleet", grip_name(p->fleet));
        writer_kv_string(&w, "swap", grip_name(p->swap));
        writer_kv_string(&w, "needs", p->needs);
        writer_kv_string(&w, "help", v->platforms[i]->help);
        writer_end(&w);
    }
    writer_end(&w);
    if (!ctl_print_document(f, out.data, out.len, a)) {
        printf("%-14s %-8s %-8s %-8s %s\n", "PLATFORM", "TRAFFIC", "FLEET", "SWAP", "NEEDS");
        for (size_t i = 0; i < v->n_platforms; i++) {
            const struct platform *p = v->platforms[i]->implementation;
            printf("%-14s %-8s %-8s %-8s %s\n", v->platforms[i]->name, grip_name(p->traffic),
                   grip_name(p->fleet), grip_name(p->swap), p->needs);
        }
    }
    buf_release(&out);
    return 0;
}

static const struct option_row rows[] = {COMMON_ROWS};
static const struct option_row list_rows[] = {
    COMMON_ROWS,
    ROW_STRING("service", service, "NAME", "only this service"),
    ROW_STRING("environment", environment, "NAME", "only this environment"),
    ROW_BOOL("active", active, "only releases that are not done"),
};
static const struct option_row report_rows[] = {
    COMMON_ROWS,
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = FLAG(format),
     .dflt = "markdown",
     .choices = "markdown|html|csv|json",
     .help = "form of the report; --output json or yaml is that of the JSON report"},
};

const struct command get_command = {
    "get", "RELEASE", 1, 1, "show a release with its evidence", rows, ARRAY_LEN(rows), get};
const struct command list_command = {
    "list", "", 0, 0, "list releases, newest first", list_rows, ARRAY_LEN(list_rows), list};
const struct command report_command = {
    "report", "RELEASE", 1, 1, "print the report of a release", report_rows, ARRAY_LEN(report_rows),
    report};
const struct command platforms_command = {
    "platforms",     "",       0, 0, "what can be moved, and how firmly we hold it", rows,
    ARRAY_LEN(rows), platforms};
