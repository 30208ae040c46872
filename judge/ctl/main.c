/*
 * judgectl: the command line.
 */
#include <stdio.h>

#include "judge/ctl/ctl.h"

int main(int argc, char **argv)
{
    ctl_watch_signals();
    const int status = ctl_main(argc, argv);
    /* A result that could not be written was not given. */
    if (fflush(stdout) != 0 && status == 0) {
        perror("judgectl: standard output");
        return EXIT_REFUSED;
    }
    return status;
}
