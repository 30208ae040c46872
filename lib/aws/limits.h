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

/* One attempt; the whole call has the caller's deadline. */
#define AWS_ATTEMPT_MS 10000
/* Attempts of one call, the first included, whatever AWS_MAX_ATTEMPTS says. */
#define AWS_ATTEMPTS_MAX 10
/* Longest pause before another attempt (a Retry-After beyond it ends the call). */
#define AWS_BACKOFF_MAX_MS 20000
/* Tokens of a retry quota; one quota a service and region. */
#define AWS_QUOTA_TOKENS 500
/* Services and regions with a quota of their own; more share one. */
#define AWS_QUOTAS_MAX 64

/* Roles assumed in one process; more: refused. */
#define AWS_ROLES_MAX 256
/* Calls that wait for credentials; more: refused. */
#define AWS_WAITING_MAX 1024
/* Roles one after the other in a profile; a longer chain is refused. */
#define AWS_CHAIN_MAX 8

/* A shared config or credentials file. */
#define AWS_FILE_MAX (1 << 20)
/* Lines of such a file, profiles in it, settings of one profile; more: refused. */
#define AWS_FILE_LINES_MAX    20000
#define AWS_FILE_PROFILES_MAX 1000
#define AWS_FILE_SETTINGS_MAX 200

/* Bytes a credential_process may print, and the time it may take. */
#define AWS_PROCESS_OUTPUT_MAX 65536
#define AWS_PROCESS_MS         60000
/* Reply of a container or instance metadata endpoint; its time for one try; tries. */
#define AWS_METADATA_REPLY_MAX 65536
#define AWS_METADATA_MS        2000
#define AWS_METADATA_TRIES     3
/* A token file (web identity, container authorization). */
#define AWS_TOKEN_FILE_MAX 20000

/* Credentials are renewed this long before they expire; failed renewals are tried again after a
 * pause that doubles from the first to the last. */
#define AWS_RENEW_BEFORE_S     900
#define AWS_RENEW_PAUSE_MS     1000
#define AWS_RENEW_PAUSE_MAX_MS 60000

/* An XML reply: nested elements, elements in all; more: refused. A DTD is refused always. */
#define AWS_XML_DEPTH_MAX    32
#define AWS_XML_ELEMENTS_MAX 200000

#endif
