/*
 * A program started without standard descriptors opens no file in their place.
 */
#include "lib/base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/t.h"

/* In a child with the descriptors of `closed` (bits) closed: 0, or which check failed. */
static int start_without(unsigned closed)
{
    char c = 'x';
    for (int fd = 0; fd <= 2; fd++)
        if (closed & 1u << fd)
            close(fd);
    descriptors_hold_standard();
    const int opened = open("/dev/zero", O_RDWR);
    if (opened <= STDERR_FILENO)
        return 1;
    close(opened);
    for (int fd = 0; fd <= 2; fd++) {
        if (!(closed & 1u << fd))
            continue;
        errno = 0;
        if ((fd == STDIN_FILENO ? read(fd, &c, 1) : write(fd, &c, 1)) != -1 || errno != EBADF)
            return 2;
    }
    return 0;
}

static void their_places_are_held(void)
{
    for (unsigned closed = 0; closed < 8; closed++) {
        int status = -1;
        const pid_t child = fork();
        T_CHECK(child >= 0);
        if (child == 0)
            _exit(start_without(closed));
        T_CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        if (WEXITSTATUS(status) != 0)
            t_fail(__FILE__, __LINE__, "closed %u: check %d", closed, WEXITSTATUS(status));
    }
}

static void what_is_open_stays_as_it_is(void)
{
    int pipes[2];
    char c = 0;
    T_CHECK(pipe(pipes) == 0);
    const pid_t child = fork();
    T_CHECK(child >= 0);
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        descriptors_hold_standard();
        _exit(write(STDOUT_FILENO, "y", 1) == 1 ? 0 : 1);
    }
    close(pipes[1]);
    T_CHECK(read(pipes[0], &c, 1) == 1 && c == 'y');
    T_CHECK(waitpid(child, NULL, 0) == child);
    close(pipes[0]);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"their_places_are_held", their_places_are_held},
        {"what_is_open_stays_as_it_is", what_is_open_stays_as_it_is},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
