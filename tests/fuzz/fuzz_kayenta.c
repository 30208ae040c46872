// rooms: base sketch stats
/*
 * Two series of any doubles (NaN, infinities, denormals, either zero) and any settings through
 * Kayenta's classifier: it answers, twice the same, leaves the data alone, and what it says hangs
 * together.
 */
#include "stats/kayenta/classify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 96

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Small numbers with ties mostly, any bit pattern now and then. */
static double value(struct bytes *in)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 5e-324, -1.7e308, 1.7e308, 1e-5};
    const unsigned kind = bytes_u8(in);
    if (kind < 16)
        return odd[kind % 8];
    if (kind < 64)
        return bytes_double(in);
    return ((double)bytes_u8(in) - 100) / (kind % 4 ? 8 : 1e6);
}

static struct aca_options options(struct bytes *in)
{
    const unsigned flags = bytes_u8(in), words = bytes_u8(in);
    struct aca_options o = aca_options_default(words & 1 ? ACA_CLES : ACA_MEAN_RATIO);
    o.direction = (enum aca_direction)(words / 2 % 3);
    o.replace_nan = flags & 1;
    o.remove_outliers = flags & 2;
    o.critical = flags & 4;
    o.must_have_data = flags & 8;
    o.muted = flags & 16;
    o.confidence = (double)bytes_u8(in) / 255;
    if (flags & 32) {
        o.tolerance = fabs(value(in));
        o.outlier_factor = value(in);
        o.allowed_increase = value(in);
        o.critical_decrease = value(in);
    }
    return aca_options_ok(&o, NULL) == 0 ? o : aca_options_default(ACA_CLES);
}

static void check(const struct aca_options *o, const struct aca_verdict *v)
{
    const bool none = v->experiment.count == 0 || v->control.count == 0;
    struct buf text;
    buf_init(&text, 1000);
    aca_reason_text(v, "m", &text);
    require(v->label < ACA_LABELS);
    require(none == (v->label == ACA_NODATA || v->label == ACA_NODATA_FAIL) ||
            (none && o->replace_nan));
    require((v->reason == ACA_NO_REASON) == (text.len == 0));
    require(!v->critical || (o->critical && v->label != ACA_PASS && v->label != ACA_ERROR));
    require(v->label != ACA_HIGH || o->direction != ACA_DECREASE);
    require(v->label != ACA_LOW || o->direction != ACA_INCREASE);
    require((v->label != ACA_HIGH && v->label != ACA_LOW) || v->tested);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    double e[VALUES_MAX], c[VALUES_MAX], before[VALUES_MAX];
    const struct aca_options o = options(&in);
    const size_t m = bytes_u8(&in) % VALUES_MAX, n = bytes_u8(&in) % VALUES_MAX;
    for (size_t i = 0; i < m; i++)
        before[i] = e[i] = value(&in);
    for (size_t i = 0; i < n; i++)
        c[i] = value(&in);
    const struct aca_verdict a = aca_classify(&o, e, m, c, n), b = aca_classify(&o, e, m, c, n);
    require(m == 0 || memcmp(e, before, m * sizeof(*e)) == 0);
    require(a.label == b.label && a.reason == b.reason && a.critical == b.critical);
    require(memcmp(&a.interval, &b.interval, sizeof(a.interval)) == 0);
    check(&o, &a);
    const struct aca_verdict means = aca_classify_means(&o, e, m, c, n);
    require(!means.tested);
    return 0;
}
