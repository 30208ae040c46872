/*
 * The state directory. Small files are replaced whole: written beside, synced, renamed, and the
 * directory synced, so that a start is never counted twice.
 */
#include "lib/store/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/crypto/random.h"

#define VALUE_BYTES 64

struct state_dir {
    int dir_fd, lock_fd;
    char node[RANDOM_ID_BYTES];
    char process[RANDOM_ID_BYTES + 24];
};

/* The file's text without its newline, "" when there is no file. */
static int read_value(int dir, const char *name, char out[VALUE_BYTES], struct err *err)
{
    out[0] = '\0';
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : err_set_errno(err, ERR_SYSTEM, "state directory: opening %s", name);
    ssize_t n = read(fd, out, VALUE_BYTES - 1);
    if (n < 0)
        err_set_errno(err, ERR_SYSTEM, "state directory: reading %s", name);
    close(fd);
    out[n < 0 ? 0 : n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return n < 0 ? -1 : 0;
}

static int replace_value(int dir, const char *name, const char *text, struct err *err)
{
    char beside[32];
    snprintf(beside, sizeof(beside), "%s.new", name);
    int fd = openat(dir, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "state directory: creating %s", beside);
    bool is_written = dprintf(fd, "%s\n", text) == (int)strlen(text) + 1 && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    if (!is_written || renameat(dir, beside, dir, name) != 0 || fsync(dir) != 0)
        return err_set_errno(err, ERR_SYSTEM, "state directory: writing %s", name);
    return 0;
}

static int open_dir(struct state_dir *d, const char *path, struct err *err)
{
    struct stat st;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set_errno(err, ERR_SYSTEM, "creating the state directory %s", path);
    d->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->dir_fd < 0 || fstat(d->dir_fd, &st) != 0)
        return err_set_errno(err, ERR_SYSTEM, "opening the state directory %s", path);
    if (st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return err_set(
            err, ERR_FORBIDDEN,
            "the state directory %s must be ours and writable by nobody else (chmod 700)", path);
    return 0;
}

static int take_lock(struct state_dir *d, const char *path, struct err *err)
{
    char holder[VALUE_BYTES];
    d->lock_fd = openat(d->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "opening %s/lock", path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return err_set_errno(err, ERR_SYSTEM, "locking %s/lock", path);
        if (read_value(d->dir_fd, "lock", holder, err) != 0)
            return -1;
        return err_set(
            err, ERR_CONFLICT,
            "another judged (pid %s) runs on the state directory %s; stop it or give another "
            "--state",
            holder, path);
    }
    /* The pid is for that sentence only; the lock is the descriptor. */
    if (ftruncate(d->lock_fd, 0) != 0 || dprintf(d->lock_fd, "%d\n", (int)getpid()) < 0)
        return err_set_errno(err, ERR_SYSTEM, "writing %s/lock", path);
    return 0;
}

static bool is_id(const char *text)
{
    return strlen(text) == RANDOM_ID_BYTES - 1 && strspn(text, "0123456789abcdef") == strlen(text);
}

static int read_identity(struct state_dir *d, const char *path, struct err *err)
{
    char value[VALUE_BYTES];
    uint64_t starts = 0;
    if (read_value(d->dir_fd, "node", value, err) != 0)
        return -1;
    if (value[0] && !is_id(value))
        return err_set(err, ERR_CORRUPT,
                       "%s/node does not hold a node id; remove it to get a new one", path);
    if (value[0]) {
        memcpy(d->node, value, sizeof(d->node)); /* is_id: its length is exact */
    } else {
        random_id(d->node);
        if (replace_value(d->dir_fd, "node", d->node, err) != 0)
            return -1;
    }
    if (read_value(d->dir_fd, "starts", value, err) != 0)
        return -1;
    if (value[0] && num_parse_u64(value, strlen(value), &starts) != 0)
        return err_set(err, ERR_CORRUPT, "%s/starts does not hold a number", path);
    snprintf(value, sizeof(value), "%" PRIu64, starts + 1);
    snprintf(d->process, sizeof(d->process), "%s.%" PRIu64, d->node, starts + 1);
    return replace_value(d->dir_fd, "starts", value, err);
}

struct state_dir *state_dir_open(const char *path, struct err *err)
{
    struct state_dir *d = mem_alloc(sizeof(*d));
    d->dir_fd = d->lock_fd = -1;
    if (open_dir(d, path, err) == 0 && take_lock(d, path, err) == 0 &&
        read_identity(d, path, err) == 0)
        return d;
    state_dir_close(d);
    return NULL;
}

void state_dir_close(struct state_dir *d)
{
    if (!d)
        return;
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    if (d->dir_fd >= 0)
        close(d->dir_fd);
    free(d);
}

const char *state_dir_node(const struct state_dir *d)
{
    return d->node;
}

const char *state_dir_process(const struct state_dir *d)
{
    return d->process;
}
