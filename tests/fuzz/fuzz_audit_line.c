// rooms: store redis net crypto model sketch base
/*
 * Any bytes as a line of a log: a head that is taken is one that its own key signed, and only what
 * was signed is believed: one more byte within it, and it is refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/audit_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    struct audit_line out;
    struct err err = {0};
    memcpy(line, data, size);
    line[size] = '\0';
    const int rc = audit_line_read(line, &out, &err);
    BUG_ON(rc < 0 && err.code != ERR_CORRUPT);
    if (rc == 1) {
        char *n = strstr(strstr(line, "audit head trail="), " n=") + 3;
        *n = *n == '9' ? '8' : '9';
        BUG_ON(audit_line_read(line, &out, &err) != -1);
    }
    free(line);
    return 0;
}
