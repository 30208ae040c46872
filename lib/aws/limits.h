/*
 * Named ceilings of lib/aws (docs/aws.md).
 */
#ifndef LIB_AWS_LIMITS_H
#define LIB_AWS_LIMITS_H

#define AWS_CODE_BYTES       96        /* an error code of AWS, with the NUL; longer ones are cut */
#define AWS_REQUEST_ID_BYTES 80        /* a request id, with the NUL; longer ones are cut */
#define AWS_REGION_BYTES     32        /* a region's name, with the NUL; longer ones are refused */
#define AWS_URL_MAX          8192      /* bytes of a URL, its query included; longer: refused */
#define AWS_BODY_MAX         (4 << 20) /* bytes of a request's body; longer: refused */
#define AWS_HEADERS_MAX      16        /* headers a caller may add; more: refused */

#define AWS_ATTEMPT_MS     10000 /* one attempt; the whole call has the caller's deadline */
#define AWS_ATTEMPTS_MAX   10    /* attempts of one call, whatever AWS_MAX_ATTEMPTS says */
#define AWS_BACKOFF_MAX_MS 20000 /* before another attempt; a longer Retry-After ends the call */
#define AWS_QUOTA_TOKENS   500   /* of a retry quota; none left: no retry */
#define AWS_QUOTAS_MAX     64 /* services and regions with a quota of their own; more share one */

#define AWS_ROLES_MAX   256  /* roles assumed in one process; more: refused */
#define AWS_WAITING_MAX 1024 /* calls that wait for credentials; more: refused */
#define AWS_CHAIN_MAX   8    /* roles one after the other in a profile; more: refused */

#define AWS_FILE_MAX          (1 << 20) /* a shared config or credentials file; larger: refused */
#define AWS_FILE_LINES_MAX    20000     /* lines of such a file; more: refused */
#define AWS_FILE_PROFILES_MAX 1000      /* sections of both files; more: refused */
#define AWS_FILE_SETTINGS_MAX 200       /* settings of a section; more: refused */

#define AWS_PROCESS_OUTPUT_MAX 65536 /* bytes a credential_process may print; more: it is ended */
#define AWS_PROCESS_MS         30000 /* a credential_process takes longer: it is ended */
#define AWS_METADATA_REPLY_MAX 65536 /* bytes a metadata service may answer; more: refused */
#define AWS_METADATA_MS        2000  /* a try of a container's or instance's metadata service */
#define AWS_METADATA_TRIES     3     /* then its credentials are not there */
#define AWS_TOKEN_FILE_MAX     20000 /* a token file; longer: refused */

#define AWS_RENEW_BEFORE_S     900   /* so long before they expire credentials are renewed */
#define AWS_RENEW_PAUSE_MS     1000  /* after a failed renewal; it doubles */
#define AWS_RENEW_PAUSE_MAX_MS 15000 /* up to this */
#define AWS_STALE_MS           60000 /* what came expired by our clock is used so long */

#define SNS_FIELD_BYTES_MAX     2048  /* a field of an SNS message but its text; longer: refused */
#define SNS_SIGNATURE_BYTES_MAX 1024  /* a signature, base64 undone; longer: refused */
#define SNS_AGE_MAX_S           3900  /* SNS repeats a message for an hour; an older one: refused */
#define SNS_AHEAD_MAX_S         300   /* one from so far in the future: refused */
#define SNS_CERTIFICATES_MAX    16    /* trusted signing certificates kept; the oldest go first */
#define SNS_CERTIFICATE_BYTES   65536 /* one, as fetched; longer: refused */
#define SNS_ISSUERS_FETCHED_MAX 3     /* issuers fetched for one certificate */
#define SNS_FETCH_MS            5000  /* one fetch */
#define SNS_FETCH_PAUSE_MS      1000  /* after one that failed: messages it was for wait so long */

#define AWS_XML_DEPTH_MAX    32     /* elements in each other in a reply; more: refused */
#define AWS_XML_ELEMENTS_MAX 200000 /* elements of a reply; more: refused */

#endif
