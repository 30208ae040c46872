// rooms: base sketch stats
/* Random splits through the sample-ratio check, random bytes through its decoder: finite, no crash.
 */
#include "stats/anytime/sample_ratio.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
    struct bytes in = bytes_of(data, len);
    struct sample_ratio t;
    gsl_set_error_handler_off();
    if (sample_ratio_decode(&t, &in, NULL) == 0 && !isfinite(sample_ratio_log_e(&t)))
        abort();
    in = bytes_of(data, len);
    sample_ratio_init(&t);
    while (in.left) {
        unsigned kind = bytes_u8(&in);
        double a = bytes_u8(&in), b = bytes_u8(&in), scale = pow(10, kind % 13);
        if (kind > 250)
            sample_ratio_new_segment(&t, (a + 1) / 258);
        sample_ratio_take(&t, a * scale, b);
        if (!isfinite(sample_ratio_log_e(&t)) || !(sample_ratio_dispersion(&t) >= 1))
            abort();
    }
    return 0;
}
