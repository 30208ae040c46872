#include "judge/ctl/tools.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "judge/vocabulary/vocabulary.h"
#include "lib/base/num.h"

#define TRAFFIC_MIN 1e-6
#define TRAFFIC_MAX 1e9

/* Nothing is known of what an alarm would do: tools that reckon leave it out, and say so. */
static void drop_alarms(const char *path, struct spec *spec, struct arena *a)
{
    struct spec_metric *kept = arena_array(a, spec->n_metrics, sizeof(*kept));
    size_t n = 0;
    for (size_t i = 0; i < spec->n_metrics; i++) {
        if (spec->metrics[i].kind != METRIC_ALARM)
            kept[n++] = spec->metrics[i];
        else
            fprintf(stderr, "%s: the alarm %s is left out\n", path, spec->metrics[i].name);
    }
    spec->metrics = kept;
    spec->n_metrics = n;
}

int tool_read_spec(const char *path, struct spec *spec, struct arena *a)
{
    const struct spec_options options = {.vocabulary = vocabulary_all(),
                                         .allow_inline_targets = true};
    struct complaints complaints = {0};
    struct err err = {0};
    const char *bytes;
    size_t len;
    if (ctl_read_file(path, &bytes, &len, a, &err) != 0)
        return ctl_fail(&err);
    const struct node *document = node_read(a, bytes, len, &err);
    if (document && spec_read(spec, document, &options, &complaints, a, &err) == 0) {
        drop_alarms(path, spec, a);
        return 0;
    }
    for (size_t i = 0; i < complaints.n; i++)
        fprintf(stderr, "%s: %s: %s %s\n", path, complaints.items[i].where,
                complaints.items[i].field, complaints.items[i].message);
    if (complaints.n == 0)
        fprintf(stderr, "%s: %s\n", path, err.message);
    return EXIT_USAGE;
}

int tool_number(const char *option, const char *text, double min, double max, double *out,
                struct err *err)
{
    if (num_parse_double(text, strlen(text), out) == 0 && *out >= min && *out <= max)
        return 0;
    return err_set(err, ERR_USAGE, "--%s: \"%.40s\" is not taken, want a number from %g to %g",
                   option, text, min, max);
}

static int read_ar(const char *text, struct noise *noise, struct err *err)
{
    size_t head = strcspn(text, ",");
    if (!text[0])
        return 0;
    if (text[head] != ',' || num_parse_double(text, head, &noise->ar_blocks) != 0 ||
        num_parse_double(text + head + 1, strlen(text + head + 1), &noise->ar_sd) != 0 ||
        !(noise->ar_blocks >= 0.1 && noise->ar_blocks <= 1e6) ||
        !(noise->ar_sd > 0 && noise->ar_sd <= 3))
        return err_set(err, ERR_USAGE,
                       "--ar: \"%.40s\" is not taken, want BLOCKS,SD such as 10,0.3 (sd up to 3)",
                       text);
    return 0;
}

int tool_assume(const struct flags *f, const struct spec *spec, struct assumption *out,
                struct arena *a, struct err *err)
{
    struct noise *noise = &out->truth.noise;
    double requests;
    if (tool_number("traffic", f->traffic, TRAFFIC_MIN, TRAFFIC_MAX, &requests, err) != 0 ||
        assume_init(out, spec, requests, a, err) != 0 ||
        assume_baseline(out, f->baseline, err) != 0 || assume_truth(out, f->truth, err) != 0 ||
        tool_number("dispersion", f->dispersion, 1, 1000, &noise->dispersion, err) != 0 ||
        tool_number("noise-rate", f->noise_rate, 0, 100, &noise->rate_cv2, err) != 0 ||
        tool_number("latency-noise", f->latency_noise, 0, 2, &noise->latency_sd, err) != 0 ||
        read_ar(f->ar, noise, err) != 0)
        return -1;
    return 0;
}

int tool_threads(const struct flags *f)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    long threads = f->threads > 0 ? (long)f->threads : online > 0 ? online : 1;
    return (int)(threads > CREW_THREADS_MAX ? CREW_THREADS_MAX : threads);
}

bool tool_progress_show(void *user, size_t done)
{
    struct tool_progress *p = user;
    char line[128];
    if (isatty(STDERR_FILENO)) {
        snprintf(line, sizeof(line), "%s: %zu of %zu runs", p->what, p->before + done, p->all);
        ctl_progress(line);
        p->is_shown = true;
    }
    return interrupted;
}

bool tool_has_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

const char *tool_percent(double fraction, char out[32])
{
    double percent = 100 * fraction;
    if (isnan(fraction))
        return "-";
    if (percent > 0 && percent < 0.05)
        return "< 0.1 %";
    snprintf(out, 32, percent == 0 || percent == 100 || percent >= 99.95 ? "%.0f %%" : "%.1f %%",
             percent);
    if (percent < 100 && percent >= 99.95)
        return "> 99.9 %";
    return out;
}

const char *tool_time(double seconds, char out[WALL_TEXT_BYTES])
{
    if (isnan(seconds))
        return "-";
    return isinf(seconds) ? "never" : duration_words(seconds, out);
}

const char *tool_count(double n, char out[32])
{
    if (isnan(n))
        return "-";
    if (isinf(n))
        return "never";
    if (n >= 1e9)
        snprintf(out, 32, "%.3g G", n / 1e9);
    else if (n >= 1e7)
        snprintf(out, 32, "%.3g M", n / 1e6);
    else
        return num_words_count(rint(n), out);
    return out;
}

void tool_bars(struct buf *out, const double *values, size_t columns)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
    const char *const *cells = tool_has_utf8() ? blocks : plain;
    for (size_t i = 0; i < columns; i++) {
        double v = values[i] > 0 ? ceil(8 * fmin(1, values[i]) - 0.04) : 0;
        buf_add_str(out, cells[(int)fmax(0, v)]);
    }
}

static void latency_words(const struct spec_metric *m, const struct latency *l, double value,
                          struct buf *out)
{
    char n[NUM_TEXT_BYTES];
    buf_addf(out, "%s%s%s", num_words(value, n), m->unit ? " " : "", m->unit ? m->unit : "");
    if (l->shape == LATENCY_EXPONENTIAL)
        buf_add_str(out, " exponential");
    else
        buf_addf(out, " lognormal %s", num_words(l->log_sd, n));
}

void tool_truth_words(const struct assumption *a, struct buf *out)
{
    char n[NUM_TEXT_BYTES];
    for (size_t i = 0; i < a->spec.n_metrics; i++) {
        const struct spec_metric *m = &a->spec.metrics[i];
        const struct metric_truth *t = &a->truth.metrics[i];
        double ratio = assume_ratio(a, i);
        buf_addf(out, "%s%s: ", i ? "\n" : "", m->name);
        if (truth_has_values(m->kind))
            latency_words(m, &t->latency, assume_base(a, i), out);
        else if (m->kind == METRIC_PROPORTION)
            buf_add_str(out, num_words_percent(t->base, n));
        else
            buf_addf(out, "%s a request", num_words(t->base, n));
        if (a->is_assumed[i])
            buf_add_str(out, " (assumed)");
        if (isinf(ratio))
            buf_addf(out, ", then %s", num_words(t->harmed, n));
        else if (ratio != 1)
            buf_addf(out, ", x%s", num_words(ratio, n));
    }
}

void tool_truth_json(const struct assumption *a, struct writer *w)
{
    const struct noise *noise = &a->truth.noise;
    writer_kv_number(w, "requests_per_second", a->truth.requests);
    writer_kv_object(w, "noise");
    writer_kv_number(w, "dispersion", noise->dispersion);
    writer_kv_number(w, "rate_cv2", noise->rate_cv2);
    writer_kv_number(w, "ar_sd", noise->ar_sd);
    writer_kv_number(w, "ar_blocks", noise->ar_blocks);
    writer_kv_number(w, "latency_sd", noise->latency_sd);
    writer_end(w);
    writer_kv_array(w, "truth");
    for (size_t i = 0; i < a->spec.n_metrics; i++) {
        const struct spec_metric *m = &a->spec.metrics[i];
        const struct metric_truth *t = &a->truth.metrics[i];
        double before = t->base, after = t->harmed;
        if (truth_has_values(m->kind)) {
            before = assume_base(a, i);
            after = before * t->slower;
        }
        writer_object(w);
        writer_kv_string(w, "metric", m->name);
        writer_kv_string(w, "kind", metric_kind_name(m->kind));
        writer_kv_string(w, "role", metric_role_name(m->role));
        writer_kv_number(w, "baseline", before);
        writer_kv_number(w, "candidate", after);
        writer_kv_number(w, "ratio", assume_ratio(a, i));
        writer_kv_bool(w, "assumed", a->is_assumed[i]);
        writer_end(w);
    }
    writer_end(w);
}

void tool_odds_json(struct writer *w, const char *key, const struct odds *o)
{
    writer_kv_object(w, key);
    writer_kv_int(w, "count", (int64_t)o->n);
    writer_kv_int(w, "of", (int64_t)o->of);
    writer_kv_number(w, "share", o->of ? (double)o->n / (double)o->of : NAN);
    writer_kv_number(w, "lower", o->lower);
    writer_kv_number(w, "upper", o->upper);
    writer_end(w);
}

void tool_spread_json(struct writer *w, const char *key, const struct spread *s)
{
    writer_kv_object(w, key);
    writer_kv_number(w, "p10", s->p10);
    writer_kv_number(w, "p50", s->p50);
    writer_kv_number(w, "p90", s->p90);
    writer_kv_number(w, "mean", s->mean);
    writer_kv_number(w, "max", s->max);
    writer_end(w);
}
