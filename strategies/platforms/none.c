/*
 * Platform none: another tool asks us, acts, and may report its shifts with POST .../traffic. We
 * call nobody; the share is the last one reported, and unknown until then.
 */
#include "strategies/platforms/platform.h"

static void none_explain(const void *config, double share, struct buf *out)
{
    buf_add_str(out, "nothing: another tool moves the traffic");
}

const struct platform none_platform = {
    .name = "none",
    .traffic = GRIP_NONE,
    .needs = "nothing; reports of shifts need the scope `decide`",
    .tolerance = 1e-6,
    .explain = none_explain,
};
