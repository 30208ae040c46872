/*
 * X.509 certificates of those who sign messages to us: read, trusted or not, and what they signed.
 *
 * A certificate is trusted when its key is an RSA key of at least 2048 bits, one of the expected
 * names is in it, and a chain of certificates that are all valid at `now` leads from it to an
 * authority of the trust. Issuers on the way come with the certificate (further ones of its PEM) or
 * are added; they need not be trusted themselves. An authority may be an intermediate: who names
 * one trusts it.
 *
 * A struct certificate that is complete (no more issuers are added) may be read by any thread.
 */
#ifndef LIB_CRYPTO_CERTIFICATE_H
#define LIB_CRYPTO_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

#define CERTIFICATE_ISSUERS_MAX 8   /* issuers kept beside a certificate; more: refused */
#define CERTIFICATE_URL_BYTES   512 /* of an issuer's address; a longer one is none */

struct certificate;

/* A PEM text: the signer's certificate first, issuers behind it. NULL: ERR_INPUT. */
struct certificate *certificate_read(const char *pem, size_t len, struct err *err) WARN_UNUSED;
void certificate_free(struct certificate *c); /* NULL is fine */

/* Another issuer, DER or PEM. */
int certificate_add_issuer(struct certificate *c, const char *bytes, size_t len,
                           struct err *err) WARN_UNUSED;
/* Where the issuer of the last certificate known can be had, as that one says (Authority
 * Information Access): "" when it does not. An http:// or https:// URL, not looked at any further.
 */
void certificate_issuer_url(const struct certificate *c, char out[CERTIFICATE_URL_BYTES]);

struct certificate_trust {
    const char *ca_file;      /* PEM; NULL: the system's authorities */
    const char *const *names; /* one of these must be the certificate's */
    size_t n_names;
    struct wall now;
};

enum certificate_answer {
    CERTIFICATE_TRUSTED,
    CERTIFICATE_REFUSED,     /* err (ERR_AUTH) says why */
    CERTIFICATE_LACKS_ISSUER /* as refused; with one more issuer it may be trusted */
};
enum certificate_answer certificate_check(const struct certificate *c,
                                          const struct certificate_trust *trust,
                                          struct err *err) WARN_UNUSED;
/* Is `now` within the time the certificate itself is valid? */
bool certificate_is_current(const struct certificate *c, struct wall now);

enum certificate_hash { CERTIFICATE_SHA1, CERTIFICATE_SHA256 };
/* Is this the signature of the certificate's key (RSA, PKCS #1 v1.5) on these bytes? Any bytes are
 * allowed as a signature. */
bool certificate_has_signed(const struct certificate *c, enum certificate_hash hash,
                            const void *bytes, size_t len, const void *signature,
                            size_t signature_len);

#endif
