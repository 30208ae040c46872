#include "strategies/platforms/platform.h"

const char *grip_name(enum grip g)
{
    static const char *const names[] = {"none", "veto", "hold"};
    BUG_ON((unsigned)g >= ARRAY_LEN(names));
    return names[g];
}

const char *vitality_name(enum vitality v)
{
    static const char *const names[] = {"unknown", "healthy", "unhealthy"};
    BUG_ON((unsigned)v >= ARRAY_LEN(names));
    return names[v];
}
