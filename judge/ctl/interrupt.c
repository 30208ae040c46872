#include "judge/ctl/ctl.h"

_Atomic int interrupted;

static void on_signal(int signal_number)
{
    interrupted = 1;
}

void ctl_watch_signals(void)
{
    const struct sigaction on_end = {.sa_handler = on_signal};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &on_end, NULL);
    sigaction(SIGTERM, &on_end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}
