#include "lib/crypto/certificate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define RSA_BITS_MIN 2048
#define CHAIN_LEVEL  2 /* OpenSSL's: 112 bits, so no RSA below 2048 bits and no SHA-1 on the way */

struct certificate {
    X509 *leaf;
    STACK_OF(X509) * issuers;
};

/* The oldest of OpenSSL's queued reasons, which is the cause; the queue is emptied. */
static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return text ? text : "no reason given";
}

static BIO *bio_of(const char *bytes, size_t len)
{
    BUG_ON(len > INT_MAX);
    BIO *bio = BIO_new_mem_buf(bytes, (int)len);
    BUG_ON(!bio);
    return bio;
}

/* ---- reading ---- */

static int take_issuer(struct certificate *c, X509 *issuer, struct err *err)
{
    if (sk_X509_num(c->issuers) >= CERTIFICATE_ISSUERS_MAX) {
        X509_free(issuer);
        return err_set(err, ERR_INPUT, "more than %d certificates of issuers",
                       CERTIFICATE_ISSUERS_MAX);
    }
    BUG_ON(sk_X509_push(c->issuers, issuer) <= 0);
    return 0;
}

static int read_pem(struct certificate *c, BIO *bio, struct err *err)
{
    X509 *x;
    int rc = 0;
    ERR_clear_error();
    c->leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    if (!c->leaf)
        return err_set(err, ERR_INPUT, "not a certificate in PEM: %s", reason());
    while (rc == 0 && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        rc = take_issuer(c, x, err);
    ERR_clear_error(); /* that there are no more */
    return rc;
}

struct certificate *certificate_read(const char *pem, size_t len, struct err *err)
{
    struct certificate *c = mem_alloc(sizeof(*c));
    c->issuers = sk_X509_new_null();
    BUG_ON(!c->issuers);
    BIO *bio = bio_of(pem, len);
    int rc = read_pem(c, bio, err);
    BIO_free(bio);
    if (rc == 0)
        return c;
    certificate_free(c);
    return NULL;
}

void certificate_free(struct certificate *c)
{
    if (!c)
        return;
    X509_free(c->leaf);
    sk_X509_pop_free(c->issuers, X509_free);
    free(c);
}

int certificate_add_issuer(struct certificate *c, const char *bytes, size_t len, struct err *err)
{
    ERR_clear_error();
    BIO *bio = bio_of(bytes, len);
    X509 *x = d2i_X509_bio(bio, NULL);
    BIO_free(bio);
    if (!x) {
        ERR_clear_error();
        bio = bio_of(bytes, len);
        x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
    }
    if (!x)
        return err_set(err, ERR_INPUT, "not a certificate in DER or PEM: %s", reason());
    return take_issuer(c, x, err);
}

static bool copy_url(const ASN1_IA5STRING *uri, char out[CERTIFICATE_URL_BYTES])
{
    const unsigned char *text = ASN1_STRING_get0_data(uri);
    const int len = ASN1_STRING_length(uri);
    if (len <= 0 || len >= CERTIFICATE_URL_BYTES || memchr(text, '\0', (size_t)len))
        return false;
    memcpy(out, text, (size_t)len);
    out[len] = '\0';
    return strncmp(out, "http://", 7) == 0 || strncmp(out, "https://", 8) == 0;
}

void certificate_issuer_url(const struct certificate *c, char out[CERTIFICATE_URL_BYTES])
{
    const int n = sk_X509_num(c->issuers);
    const X509 *last = n > 0 ? sk_X509_value(c->issuers, n - 1) : c->leaf;
    AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(last, NID_info_access, NULL, NULL);
    bool is_found = false;
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all) && !is_found; i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(all, i);
        is_found = OBJ_obj2nid(one->method) == NID_ad_ca_issuers &&
                   one->location->type == GEN_URI &&
                   copy_url(one->location->d.uniformResourceIdentifier, out);
    }
    AUTHORITY_INFO_ACCESS_free(all);
    ERR_clear_error();
    if (!is_found)
        out[0] = '\0';
}

/* ---- trust ---- */

static bool has_name(X509 *leaf, const struct certificate_trust *trust)
{
    for (size_t i = 0; i < trust->n_names; i++)
        if (X509_check_host(leaf, trust->names[i], 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1)
            return true;
    return false;
}

static int check_key(X509 *leaf, struct err *err)
{
    const EVP_PKEY *key = X509_get0_pubkey(leaf);
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        return err_set(err, ERR_AUTH, "its key is not an RSA key of at least %d bits",
                       RSA_BITS_MIN);
    return 0;
}

static enum certificate_answer check_chain(const struct certificate *c, X509_STORE *authorities,
                                           struct wall now, struct err *err)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    BUG_ON(!ctx || X509_STORE_CTX_init(ctx, authorities, c->leaf, c->issuers) != 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(now.us / US_PER_SECOND));
    X509_VERIFY_PARAM_set_auth_level(param, CHAIN_LEVEL);
    X509_VERIFY_PARAM_set_depth(param, CERTIFICATE_ISSUERS_MAX);
    BUG_ON(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) != 1);
    const bool is_trusted = X509_verify_cert(ctx) == 1;
    const int why = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    if (is_trusted)
        return CERTIFICATE_TRUSTED;
    err_set(err, ERR_AUTH, "%s", X509_verify_cert_error_string(why));
    return why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                   why == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
                   why == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
               ? CERTIFICATE_LACKS_ISSUER
               : CERTIFICATE_REFUSED;
}

enum certificate_answer certificate_check(const struct certificate *c,
                                          const struct certificate_trust *trust, struct err *err)
{
    enum certificate_answer answer = CERTIFICATE_REFUSED;
    if (check_key(c->leaf, err) != 0)
        return answer;
    if (!has_name(c->leaf, trust)) {
        err_set(err, ERR_AUTH, "it names somebody else than %s",
                trust->n_names ? trust->names[0] : "nobody");
        return answer;
    }
    X509_STORE *authorities = X509_STORE_new();
    BUG_ON(!authorities);
    ERR_clear_error();
    if ((trust->ca_file ? X509_STORE_load_file(authorities, trust->ca_file)
                        : X509_STORE_set_default_paths(authorities)) != 1)
        err_set(err, ERR_AUTH, "reading the authorities (%s): %s",
                trust->ca_file ? trust->ca_file : "the system's", reason());
    else
        answer = check_chain(c, authorities, trust->now, err);
    X509_STORE_free(authorities);
    return answer;
}

bool certificate_is_current(const struct certificate *c, struct wall now)
{
    time_t at = (time_t)(now.us / US_PER_SECOND);
    return X509_cmp_time(X509_get0_notBefore(c->leaf), &at) < 0 &&
           X509_cmp_time(X509_get0_notAfter(c->leaf), &at) > 0;
}

/* ---- signatures ---- */

bool certificate_has_signed(const struct certificate *c, enum certificate_hash hash,
                            const void *bytes, size_t len, const void *signature,
                            size_t signature_len)
{
    EVP_PKEY *key = X509_get0_pubkey(c->leaf);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    BUG_ON(!ctx);
    const EVP_MD *md = hash == CERTIFICATE_SHA1 ? EVP_sha1() : EVP_sha256();
    const bool is_genuine = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                            EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
                            EVP_DigestVerify(ctx, signature, signature_len, bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return is_genuine;
}
