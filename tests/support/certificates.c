#include "tests/support/certificates.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/t.h"

bool certificates_run(const char *dir, const char *const *words)
{
    pid_t pid = fork();
    if (pid == 0) {
        union {
            const char *const *in;
            char *const *out;
        } argv = {.in = words};
        int null = open("/dev/null", O_RDWR);
        if (chdir(dir) != 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
            _exit(126);
        execvp("openssl", argv.out);
        _exit(127);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool make_one(const char *dir, const char *name, const char *issuer, const char *extension)
{
    char key[64], pem[64], subject[64], ca[64], ca_key[64];
    snprintf(key, sizeof(key), "%s.key", name);
    snprintf(pem, sizeof(pem), "%s.pem", name);
    snprintf(subject, sizeof(subject), "/CN=test %s", name);
    const char *argv[32] = {
        "openssl", "req",   "-x509",   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes",  "-days", "2",       "-keyout", key,  "-out",     pem,
        "-subj",   subject, "-addext", extension};
    size_t n = 18;
    if (issuer) {
        snprintf(ca, sizeof(ca), "%s.pem", issuer);
        snprintf(ca_key, sizeof(ca_key), "%s.key", issuer);
        argv[n++] = "-CA";
        argv[n++] = ca;
        argv[n++] = "-CAkey";
        argv[n++] = ca_key;
        argv[n++] = "-addext";
        argv[n++] = "basicConstraints=CA:FALSE";
    }
    argv[n] = NULL;
    return certificates_run(dir, argv);
}

bool certificates_make(const char *dir, const char *names)
{
    char alternatives[256];
    snprintf(alternatives, sizeof(alternatives), "subjectAltName=%s", names);
    mkdir(dir, 0700);
    bool is_made = make_one(dir, "ca", NULL, "keyUsage=critical,keyCertSign,digitalSignature") &&
                   make_one(dir, "other", NULL, "keyUsage=critical,keyCertSign") &&
                   make_one(dir, "server", "ca", alternatives) &&
                   make_one(dir, "client", "ca", "extendedKeyUsage=clientAuth");
    if (!is_made)
        t_fail(__FILE__, __LINE__, "openssl could not make certificates in %s", dir);
    return is_made;
}
