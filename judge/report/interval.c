/*
 * The interval bar: where the candidate's effect may lie, against "same" and the margin.
 *
 * The axis is logarithmic in the ratio candidate / baseline, so that half and double are equally
 * far from "same", which stands in the middle. What does not fit ends in an arrow. The side of harm
 * beyond the margin is hatched and labelled; title and description say all of it in words, so
 * nothing hangs on colour or on seeing.
 */
#include <math.h>
#include <stdio.h>

#include "judge/report/sections.h"
#include "lib/base/num.h"

#define WIDTH       360.0
#define HEIGHT      58.0
#define MIDDLE      (WIDTH / 2)
#define HALF        (MIDDLE - 8)
#define AXIS_Y      22.0
#define LABEL_Y     52.0
#define SPAN_MIN    0.47 /* ln 1.6: the axis reaches at least so far to both sides */
#define SPAN_MAX    4.16 /* ln 64: and at most so far */
#define ROOM_BEYOND 1.15

static double clamped(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* How far, in ln of the ratio, the axis reaches. */
static double span_of(const struct evidence *e, double limit)
{
    const double ends[] = {e->estimate, e->lower, e->upper};
    double span = SPAN_MIN;
    if (limit > 0)
        span = fmax(span, fabs(log(limit)) * 2);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (ends[i] > 0 && isfinite(ends[i]))
            span = fmax(span, fabs(log(ends[i])) * ROOM_BEYOND);
    return fmin(span, SPAN_MAX);
}

/* The place of a ratio on the axis; *is_cut when it lies beyond its end. */
static double place(double ratio, double span, bool *is_cut)
{
    const double at = ratio > 0 ? log(ratio) / span : -INFINITY;
    *is_cut = !(fabs(at) <= 1);
    return MIDDLE + clamped(at, -1, 1) * HALF;
}

static void line(struct html *h, const char *class_name, double x1, double y1, double x2, double y2)
{
    html_open_class(h, "line", class_name);
    html_attr_number(h, "x1", x1);
    html_attr_number(h, "y1", y1);
    html_attr_number(h, "x2", x2);
    html_attr_number(h, "y2", y2);
    html_close(h);
}

static void label(struct html *h, double x, const char *anchor, const char *text)
{
    html_open(h, "text");
    html_attr_number(h, "x", x);
    html_attr_number(h, "y", LABEL_Y);
    html_attr(h, "text-anchor", anchor);
    html_text(h, text);
    html_close(h);
}

static void arrow(struct html *h, double x, double direction)
{
    char points[96];
    snprintf(points, sizeof(points), "%.1f,%.1f %.1f,%.1f %.1f,%.1f", x + 7 * direction, AXIS_Y,
             x - 2 * direction, AXIS_Y - 7, x - 2 * direction, AXIS_Y + 7);
    html_open_class(h, "polygon", "reach");
    html_attr(h, "points", points);
    html_close(h);
}

static void draw_zone(struct html *h, double limit, double span, enum harm_direction harm, size_t n)
{
    char id[32], fill[48], text[NUM_TEXT_BYTES + 24], number[NUM_TEXT_BYTES];
    bool is_cut;
    const double x = place(limit, span, &is_cut);
    const double from = harm == HARM_DECREASE ? 0 : x, to = harm == HARM_DECREASE ? x : WIDTH;
    snprintf(id, sizeof(id), "hatch-%zu", n);
    snprintf(fill, sizeof(fill), "url(#%s)", id);
    html_open(h, "pattern");
    html_attr(h, "id", id);
    html_attr(h, "width", "6");
    html_attr(h, "height", "6");
    html_attr(h, "patternUnits", "userSpaceOnUse");
    html_open_class(h, "path", "hatch");
    html_attr(h, "d", "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2");
    html_close(h);
    html_close(h);
    html_open_class(h, "rect", "zone");
    html_attr_number(h, "x", from);
    html_attr(h, "y", "4");
    html_attr_number(h, "width", to - from);
    html_attr(h, "height", "36");
    html_attr(h, "fill", fill);
    html_close(h);
    line(h, "limit", x, 4, x, 40);
    snprintf(text, sizeof(text), "margin \xc3\x97 %s", num_words(limit, number));
    label(h, harm == HARM_DECREASE ? x - 3 : x + 3, harm == HARM_DECREASE ? "end" : "start", text);
}

static void draw_interval(struct html *h, const struct evidence *e, double span)
{
    bool is_low_cut, is_high_cut, is_cut;
    if (!isnan(e->lower) && !isnan(e->upper) && e->lower <= e->upper) {
        const double low = place(e->lower, span, &is_low_cut);
        const double high = place(e->upper, span, &is_high_cut);
        line(h, "reach", low, AXIS_Y, high, AXIS_Y);
        if (!is_low_cut)
            line(h, "reach", low, AXIS_Y - 7, low, AXIS_Y + 7);
        else if (low < MIDDLE)
            arrow(h, low, -1);
        if (!is_high_cut)
            line(h, "reach", high, AXIS_Y - 7, high, AXIS_Y + 7);
        else if (high > MIDDLE)
            arrow(h, high, 1);
    }
    if (isnan(e->estimate))
        return;
    html_open_class(h, "circle", "estimate");
    html_attr_number(h, "cx", place(e->estimate, span, &is_cut));
    html_attr_number(h, "cy", AXIS_Y);
    html_attr(h, "r", "5.5");
    html_close(h);
}

static void describe(struct html *h, const struct evidence *e, double limit,
                     enum harm_direction harm)
{
    char effect[EFFECT_WORDS_BYTES], number[NUM_TEXT_BYTES];
    if (isnan(e->estimate) && isnan(e->lower))
        html_text(h, "Nothing can be drawn yet.");
    else
        html_textf(h, "Candidate against baseline: %s.", effect_words(e, effect));
    if (!isnan(limit))
        html_textf(h, " 1 is the same; harm reaches the margin %s %s.",
                   harm == HARM_DECREASE ? "below" : "above", num_words(limit, number));
}

void html_interval(struct html *h, const struct evidence *e, const struct spec_metric *m, size_t n)
{
    const enum harm_direction harm = m ? m->harm : HARM_INCREASE;
    const double limit = m || e->margin.relative > 0 ? report_limit_ratio(e, harm) : NAN;
    const double span = span_of(e, limit);
    char title[32], desc[32], both[72], box[48];
    snprintf(title, sizeof(title), "bar-%zu-title", n);
    snprintf(desc, sizeof(desc), "bar-%zu-desc", n);
    snprintf(both, sizeof(both), "%s %s", title, desc);
    snprintf(box, sizeof(box), "0 0 %.0f %.0f", WIDTH, HEIGHT);
    html_open_class(h, "svg", "interval");
    html_attr(h, "viewBox", box);
    html_attr(h, "role", "img");
    html_attr(h, "aria-labelledby", both);
    html_open(h, "title");
    html_attr(h, "id", title);
    html_textf(h, "Effect on %s", e->name);
    html_close(h);
    html_open(h, "desc");
    html_attr(h, "id", desc);
    describe(h, e, limit, harm);
    html_close(h);
    if (limit > 0 && isfinite(limit))
        draw_zone(h, limit, span, harm, n);
    line(h, "axis", 0, AXIS_Y, WIDTH, AXIS_Y);
    line(h, "same", MIDDLE, 4, MIDDLE, 40);
    label(h, harm == HARM_DECREASE ? MIDDLE + 3 : MIDDLE - 3,
          harm == HARM_DECREASE ? "start" : "end", "same");
    draw_interval(h, e, span);
    html_close(h);
}
