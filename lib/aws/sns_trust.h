/*
 * Which messages of SNS are believed, and the answer to those that ask for one.
 *
 * A message is believed when its signature was made with the key of a certificate that SNS serves
 * (sns.h says where), that names SNS, and that an authority vouches for: the system's, or those of
 * ca_file. Certificates are fetched over HTTPS when they are first named and kept; SNS' own is
 * served without its issuer, which is fetched from where the certificate says (Amazon Trust
 * Services only). One fetch at a time, and after one that failed none for a second: messages that
 * need one meanwhile are told to come again, so that made-up ones cannot occupy us.
 *
 * For tests and private networks the AWS settings may put another place before all these addresses:
 * AWS_ENDPOINT_URL_SNS (lib/aws/settings.h). What an address must look like does not change by it;
 * scheme, host and port are replaced when it is asked.
 *
 * Any thread; sns_believe and sns_confirm block up to the time of a few fetches.
 */
#ifndef LIB_AWS_SNS_TRUST_H
#define LIB_AWS_SNS_TRUST_H

#include "lib/aws/sns.h"

struct sns_trust;

struct sns_trust_config {
    const char *ca_file; /* PEM: who vouches for SNS' certificates; NULL: the system's */
    bool allow_sha1;     /* believe signature version 1 */
};

/* Reads the AWS settings; no network. NULL: ERR_INPUT. */
struct sns_trust *sns_trust_open(const struct sns_trust_config *config,
                                 struct err *err) WARN_UNUSED;
/* What is being fetched ends now, with ERR_UNAVAILABLE, and so will all that is to be. */
void sns_trust_stop(struct sns_trust *t);
void sns_trust_close(struct sns_trust *t); /* NULL is fine, here and above */

/*
 * 0: SNS has sent it. -1:
 *   ERR_FORBIDDEN    the certificate's address is not SNS', or the version is not allowed
 *   ERR_AUTH         certificate or signature are not genuine
 *   ERR_UNAVAILABLE  the certificate could not be had now: the message may come again
 */
int sns_believe(struct sns_trust *t, const struct sns_message *m, struct wall now,
                struct err *err) WARN_UNUSED;
/* Confirms the subscription that a believed message asks for. -1: ERR_FORBIDDEN, the address is not
 * SNS'; ERR_UNAVAILABLE, it did not answer as it should. */
int sns_confirm(struct sns_trust *t, const struct sns_message *m, struct err *err) WARN_UNUSED;

#endif
