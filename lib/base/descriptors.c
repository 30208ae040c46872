#include "lib/base/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

void descriptors_hold_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) /* opened the wrong way round; it gets the lowest number free */
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}
