// rooms: strategies store redis net crypto model sketch base
#include <math.h>

#include "strategies/platforms/haproxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What HAProxy answers to `show servers state`: refused, or a share between 0 and 1. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct haproxy_config c = {"/x", "app", "stable", "candidate"};
    struct platform_state state = {0};
    struct err err = {0};
    char other[64];
    int rc = haproxy_read_state(&c, (const char *)data, size, &state, other, &err);
    BUG_ON(rc == 0 && !(state.share >= 0 && state.share <= 1));
    BUG_ON(rc == 0 && (state.stable == VITALITY_UNKNOWN || state.candidate == VITALITY_UNKNOWN));
    BUG_ON(rc != 0 && (err.code == ERR_NONE || !err.message[0]));
    return 0;
}
