/*
 * Certificates made by the openssl command: a root, an issuer, and a signer that names its issuer's
 * place; signatures made by it too.
 */
#include "lib/crypto/certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/certificates.h"
#include "tests/t.h"

#define FILE_MAX 65536
#define ISSUER   "http://crt.example.com/issuer.cer"
#define NAME     "sns.example.com"

static char dir[512];
static const char message[] = "Message\nhello\n";

/* A file of `dir`; NULL: it could not be read. */
static char *slurp(const char *name, size_t *len)
{
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    char *bytes = calloc(1, FILE_MAX);
    if (!f || !bytes) {
        t_fail(__FILE__, __LINE__, "cannot read %s", path);
        free(bytes);
        return NULL;
    }
    *len = fread(bytes, 1, FILE_MAX - 1, f);
    fclose(f);
    return bytes;
}

static const char *in_dir(const char *name)
{
    static char path[600];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

/* The certificate in `name`, with that of `more` behind it. */
static struct certificate *load(const char *name, const char *more, struct err *err)
{
    size_t len = 0, more_len = 0;
    char *pem = slurp(name, &len), *behind = more ? slurp(more, &more_len) : NULL;
    struct certificate *c = NULL;
    if (pem && (behind || !more)) {
        memcpy(pem + len, behind ? behind : "", more_len);
        c = certificate_read(pem, len + more_len, err);
    }
    free(pem);
    free(behind);
    return c;
}

static bool make(const char *name, const char *subject, const char *bits, const char *issuer,
                 const char *const *extensions)
{
    char key[64], pem[64], key_type[32], ca[64], ca_key[64];
    snprintf(key, sizeof(key), "%s.key", name);
    snprintf(pem, sizeof(pem), "%s.pem", name);
    snprintf(key_type, sizeof(key_type), "rsa:%s", bits);
    const char *argv[40] = {"openssl", "req",     "-x509", "-newkey", key_type, "-nodes", "-days",
                            "2",       "-keyout", key,     "-out",    pem,      "-subj",  subject};
    size_t n = 14;
    if (issuer) {
        snprintf(ca, sizeof(ca), "%s.pem", issuer);
        snprintf(ca_key, sizeof(ca_key), "%s.key", issuer);
        const char *const more[] = {"-CA", ca, "-CAkey", ca_key};
        for (size_t i = 0; i < 4; i++)
            argv[n++] = more[i];
    }
    for (; *extensions; extensions++) {
        argv[n++] = "-addext";
        argv[n++] = *extensions;
    }
    return certificates_run(dir, argv);
}

static bool sign(const char *hash, const char *out)
{
    FILE *f = fopen(in_dir("message"), "w");
    if (!f || fputs(message, f) < 0 || fclose(f) != 0)
        return false;
    const char *const argv[] = {"openssl", "dgst", hash,      "-sign", "signer.key",
                                "-out",    out,    "message", NULL};
    return certificates_run(dir, argv);
}

static bool make_all(void)
{
    static const char *const ca[] = {"keyUsage=critical,keyCertSign", NULL};
    static const char *const issuer[] = {"keyUsage=critical,keyCertSign",
                                         "basicConstraints=critical,CA:TRUE", NULL};
    static const char *const leaf[] = {"subjectAltName=DNS:" NAME,
                                       "authorityInfoAccess=caIssuers;URI:" ISSUER,
                                       "basicConstraints=CA:FALSE", NULL};
    static const char *const der[] = {"openssl", "x509", "-in",        "issuer.pem", "-outform",
                                      "DER",     "-out", "issuer.der", NULL};
    snprintf(dir, sizeof(dir), "%s/certificates", t_tmpdir());
    return certificates_make(dir, "DNS:" NAME) && make("root", "/CN=root", "2048", NULL, ca) &&
           make("issuer", "/CN=issuer", "2048", "root", issuer) &&
           make("signer", "/CN=signer", "2048", "issuer", leaf) &&
           make("short", "/CN=short", "1024", "issuer", leaf) && certificates_run(dir, der) &&
           sign("-sha256", "sha256") && sign("-sha1", "sha1");
}

static enum certificate_answer ask(const struct certificate *c, const char *name, const char *ca,
                                   int64_t later_s, struct err *err)
{
    const char *const names[] = {"other.example.com", name};
    const struct certificate_trust trust = {
        .ca_file = ca ? in_dir(ca) : NULL,
        .names = names,
        .n_names = 2,
        .now = {wall_now().us + later_s * US_PER_SECOND},
    };
    return certificate_check(c, &trust, err);
}

static void a_chain_leads_to_an_authority(void)
{
    struct err err = {0};
    struct certificate *c = load("signer.pem", "issuer.pem", &err);
    T_CHECK(c != NULL);
    T_EQ_INT(ask(c, NAME, "root.pem", 0, &err), CERTIFICATE_TRUSTED);
    T_EQ_INT(ask(c, NAME, "issuer.pem", 0, &err), CERTIFICATE_TRUSTED); /* who names it trusts it */
    T_CHECK(certificate_is_current(c, wall_now()));

    T_EQ_INT(ask(c, "sns.example.org", "root.pem", 0, &err), CERTIFICATE_REFUSED);
    T_HAS_STR(err.message, "names somebody else");
    T_EQ_INT(ask(c, NAME, "root.pem", 3 * 86400, &err), CERTIFICATE_REFUSED);
    T_HAS_STR(err.message, "expired");
    T_EQ_INT(ask(c, NAME, "root.pem", -86400, &err), CERTIFICATE_REFUSED);
    T_HAS_STR(err.message, "not yet valid");
    T_CHECK(!certificate_is_current(c, (struct wall){wall_now().us + 3 * 86400 * US_PER_SECOND}));
    T_CHECK(!certificate_is_current(c, (struct wall){wall_now().us - 86400 * US_PER_SECOND}));
    T_CHECK(ask(c, NAME, "other.pem", 0, &err) != CERTIFICATE_TRUSTED);
    T_CHECK(ask(c, NAME, NULL, 0, &err) != CERTIFICATE_TRUSTED); /* the system's */
    T_EQ_INT(ask(c, NAME, "nothing.pem", 0, &err), CERTIFICATE_REFUSED);
    T_EQ_INT(err.code, ERR_AUTH);
    T_HAS_STR(err.message, "nothing.pem");
    certificate_free(c);
}

static void an_issuer_may_come_later(void)
{
    struct err err = {0};
    char url[CERTIFICATE_URL_BYTES];
    size_t len;
    struct certificate *c = load("signer.pem", NULL, &err);
    T_CHECK(c != NULL);
    T_EQ_INT(ask(c, NAME, "root.pem", 0, &err), CERTIFICATE_LACKS_ISSUER);
    certificate_issuer_url(c, url);
    T_EQ_STR(url, ISSUER);
    char *der = slurp("issuer.der", &len);
    T_CHECK(certificate_add_issuer(c, "no", 2, &err) != 0);
    T_EQ_INT(err.code, ERR_INPUT);
    T_OK(certificate_add_issuer(c, der, len, &err), err);
    T_EQ_INT(ask(c, NAME, "root.pem", 0, &err), CERTIFICATE_TRUSTED);
    certificate_issuer_url(c, url);
    T_EQ_STR(url, ""); /* that one does not say who issued it */
    for (int i = 1; i < CERTIFICATE_ISSUERS_MAX; i++)
        T_OK(certificate_add_issuer(c, der, len, &err), err);
    T_CHECK(certificate_add_issuer(c, der, len, &err) != 0);
    free(der);
    certificate_free(c);
}

static void keys_are_rsa_and_long_enough(void)
{
    static const char *const names[] = {"short.pem", "server.pem"}; /* 1024 bits; P-256 */
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err err = {0};
        struct certificate *c = load(names[i], "issuer.pem", &err);
        T_CHECK(c != NULL);
        T_EQ_INT(ask(c, NAME, "root.pem", 0, &err), CERTIFICATE_REFUSED);
        T_HAS_STR(err.message, "2048 bits");
        certificate_free(c);
    }
}

static void what_it_signed(void)
{
    struct err err = {0};
    struct certificate *c = load("signer.pem", NULL, &err), *other = load("issuer.pem", NULL, &err),
                       *ec = load("server.pem", NULL, &err);
    size_t len256, len1;
    char *sha256 = slurp("sha256", &len256), *sha1 = slurp("sha1", &len1);
    const size_t n = sizeof(message) - 1;
    T_CHECK(c && other && ec && sha256 && sha1);
    T_CHECK(certificate_has_signed(c, CERTIFICATE_SHA256, message, n, sha256, len256));
    T_CHECK(certificate_has_signed(c, CERTIFICATE_SHA1, message, n, sha1, len1));
    T_CHECK(!certificate_has_signed(c, CERTIFICATE_SHA1, message, n, sha256, len256));
    T_CHECK(!certificate_has_signed(c, CERTIFICATE_SHA256, message, n, sha1, len1));
    T_CHECK(!certificate_has_signed(c, CERTIFICATE_SHA256, message, n - 1, sha256, len256));
    T_CHECK(!certificate_has_signed(c, CERTIFICATE_SHA256, message, n, sha256, len256 - 1));
    T_CHECK(!certificate_has_signed(c, CERTIFICATE_SHA256, message, n, sha256, 0));
    T_CHECK(!certificate_has_signed(other, CERTIFICATE_SHA256, message, n, sha256, len256));
    T_CHECK(!certificate_has_signed(ec, CERTIFICATE_SHA256, message, n, sha256, len256));
    sha256[0] ^= 1;
    T_CHECK(!certificate_has_signed(c, CERTIFICATE_SHA256, message, n, sha256, len256));
    free(sha256);
    free(sha1);
    certificate_free(c);
    certificate_free(other);
    certificate_free(ec);
}

static void what_is_no_certificate(void)
{
    static const char *const texts[] = {
        "", "hello", "-----BEGIN CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    struct err err = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        T_CHECK(!certificate_read(texts[i], strlen(texts[i]), &err));
        T_EQ_INT(err.code, ERR_INPUT);
    }
    T_CHECK(!load("signer.key", NULL, &err));
    certificate_free(NULL);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"a_chain_leads_to_an_authority", a_chain_leads_to_an_authority},
        {"an_issuer_may_come_later", an_issuer_may_come_later},
        {"keys_are_rsa_and_long_enough", keys_are_rsa_and_long_enough},
        {"what_it_signed", what_it_signed},
        {"what_is_no_certificate", what_is_no_certificate},
    };
    if (!make_all()) {
        printf("openssl could not make the certificates\n0 passed, 1 failed, 0 skipped\n");
        return 1;
    }
    return t_main(argc, argv, tests, ARRAY_LEN(tests));
}
