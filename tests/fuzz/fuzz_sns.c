// rooms: collectors store redis aws net crypto model sketch base
// Whatever is posted as a message of SNS: it is refused with a reason, or its addresses are SNS'
// own or not taken, and what it says of an alarm gives blocks within the window.
#include <string.h>

#include "collectors/cloudwatch/alarm_notice.h"
#include "lib/aws/sns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give(void *user, uint8_t cohort, int64_t block, const struct summary *s)
{
    BUG_ON(cohort != COHORT_CANDIDATE || block < 0 || block > 3 || s->samples != 1);
    BUG_ON(!(s->counts.events >= 0) || !(s->counts.exposure >= s->counts.events));
}

static void read_alarm(const char *text, struct arena *a)
{
    const struct alarm_want want = {.block_us = 60 * US_PER_SECOND, .from = 0, .to = 3};
    struct alarm_notice n;
    struct err err = {0};
    if (alarm_notice_read(&n, text, a, &err) != 0) {
        BUG_ON(err.code != ERR_INPUT);
        return;
    }
    BUG_ON(n.into.at.us < 0 || n.into.state == ALARM_UNKNOWN || strlen(n.state) >= 24);
    BUG_ON(strcmp(alarm_arn_name(n.arn), n.name) != 0);
    const struct alarm_change changes[] = {{ALARM_OK, {0}}, n.into};
    alarm_blocks(changes, 2, &want, give);
}

static void use(const struct sns_message *m, struct arena *a)
{
    static const char host[] = "https://sns.";
    struct buf text;
    BUG_ON(!sns_is_topic(m->topic, NULL) || m->signature_len > SNS_SIGNATURE_BYTES_MAX);
    BUG_ON(!sns_is_listed(m, m->topic) || sns_is_listed(m, ""));
    BUG_ON(sns_is_certificate_url(m) && strncmp(m->certificate_url, host, sizeof(host) - 1) != 0);
    BUG_ON(sns_is_subscribe_url(m) && strncmp(m->subscribe_url, host, sizeof(host) - 1) != 0);
    buf_init(&text, (size_t)1 << 20);
    sns_string_to_sign(m, &text);
    BUG_ON(!buf_ok(&text) || strncmp(text.data, "Message\n", 8) != 0);
    buf_release(&text);
    read_alarm(m->message, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct sns_message m;
    struct err err = {0};
    arena_init(&a);
    if (sns_read(&m, (const char *)data, size, &a, &err) == 0)
        use(&m, &a);
    else
        BUG_ON(err.code == ERR_NONE);
    read_alarm(arena_copy(&a, data, size), &a); /* the same bytes as a notification's text */
    arena_release(&a);
    return 0;
}
