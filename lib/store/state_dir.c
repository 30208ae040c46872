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

#define PATH_BYTES  4096
#define VALUE_BYTES 64

struct state_dir {
    int lock_fd;
    char node[RANDOM_ID_BYTES];
    char process[RANDOM_ID_BYTES + 24];
};

/* The file's text without its newline, "" when there is no file. */
static int read_value(const char *path, char out[VALUE_BYTES], struct err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    out[0] = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, ERR_SYSTEM, "cannot open %s", path);
    const ssize_t n = read(fd, out, VALUE_BYTES - 1);
    close(fd);
    if (n < 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot read %s", path);
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
    return 0;
}

/* Replaces the file whole: a crash leaves the old or the new one. */
static int write_value(const char *path, const char *text, struct err *err)
{
    char next[PATH_BYTES + 8];
    snprintf(next, sizeof(next), "%s.new", path);
    const int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot write %s", next);
    const size_t len = strlen(text);
    const bool is_written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    close(fd);
    if (!is_written || rename(next, path) != 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot write %s", path);
    return 0;
}

static int take_lock(struct state_dir *d, const char *dir, struct err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/lock", dir);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return err_set_errno(err, ERR_SYSTEM, "cannot open %s", path);
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(
            err, errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_SYSTEM,
            "another judged runs on the state directory %s; stop it or give another --state", dir);
    return 0;
}

static bool is_id(const char *text)
{
    return strlen(text) == RANDOM_ID_BYTES - 1 && strspn(text, "0123456789abcdef") == strlen(text);
}

static int read_identity(struct state_dir *d, const char *dir, struct err *err)
{
    char path[PATH_BYTES], value[VALUE_BYTES];
    uint64_t starts = 0;
    snprintf(path, sizeof(path), "%s/node", dir);
    if (read_value(path, value, err) != 0)
        return -1;
    if (*value && !is_id(value))
        return err_set(err, ERR_CORRUPT, "%s does not hold a node id; remove it to get a new one",
                       path);
    snprintf(d->node, sizeof(d->node), "%s", value);
    if (!*value) {
        random_id(d->node);
        if (write_value(path, d->node, err) != 0)
            return -1;
    }
    snprintf(path, sizeof(path), "%s/starts", dir);
    if (read_value(path, value, err) != 0)
        return -1;
    if (*value && num_parse_u64(value, strlen(value), &starts) != 0)
        return err_set(err, ERR_CORRUPT, "%s does not hold a number", path);
    snprintf(value, sizeof(value), "%" PRIu64, starts + 1);
    snprintf(d->process, sizeof(d->process), "%s.%" PRIu64, d->node, starts + 1);
    return write_value(path, value, err);
}

struct state_dir *state_dir_open(const char *path, struct err *err)
{
    struct state_dir *d = mem_alloc(sizeof(*d));
    d->lock_fd = -1;
    if (strlen(path) > PATH_BYTES - 64) {
        err_set(err, ERR_INPUT, "the path of the state directory is too long");
        goto failed;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        err_set_errno(err, ERR_SYSTEM, "cannot make the state directory %s", path);
        goto failed;
    }
    if (take_lock(d, path, err) == 0 && read_identity(d, path, err) == 0)
        return d;
failed:
    state_dir_close(d);
    return NULL;
}

void state_dir_close(struct state_dir *d)
{
    if (!d)
        return;
    if (d->lock_fd >= 0)
        close(d->lock_fd);
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
