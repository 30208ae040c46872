/*
 * judgectl: the command line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "judge/ctl/ctl.h"
#include "lib/base/descriptors.h"

int main(int argc, char **argv)
{
    descriptors_hold_standard();
    ctl_watch_signals();
    const int status = ctl_main(argc, argv);
    /* A result that could not be written was not given; what was too long for the buffer failed
     * before, and left only its mark. */
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        fprintf(stderr, "judgectl: standard output: %s\n",
                errno ? strerror(errno) : "not all could be written");
        return EXIT_REFUSED;
    }
    return status;
}
