#include <unistd.h>

#include "judge/ctl/ctl.h"

_Atomic int interrupted;

static void on_signal(int signal_number)
{
    interrupted = 1;
}

static void on_signal_end(int signal_number)
{
    static const char said[] = "judgectl: interrupted\n";
    (void)!write(STDERR_FILENO, said, sizeof(said) - 1);
    _exit(EXIT_INTERRUPTED);
}

void ctl_end_on_signals(void)
{
    const struct sigaction on_end = {.sa_handler = on_signal_end};
    sigaction(SIGINT, &on_end, NULL);
    sigaction(SIGTERM, &on_end, NULL);
}

void ctl_watch_signals(void)
{
    const struct sigaction on_end = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &on_end, NULL);
    sigaction(SIGTERM, &on_end, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}
