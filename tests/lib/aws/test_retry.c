#include "lib/aws/retry.h"

#include "tests/t.h"

static void pauses_grow_to_twenty_seconds(void)
{
    static const int most[] = {1000, 2000, 4000, 8000, 16000, 20000, 20000};
    for (int n = 1; n <= 7; n++) {
        T_EQ_INT(retry_pause_ms(n, 0, -1), 0);
        T_EQ_INT(retry_pause_ms(n, 0.5, -1), most[n - 1] / 2);
        T_CHECK(retry_pause_ms(n, 0.999999, -1) < most[n - 1]);
    }
}

static void retry_after_is_the_least(void)
{
    T_EQ_INT(retry_pause_ms(1, 0.5, 3000), 3000);
    T_EQ_INT(retry_pause_ms(3, 0.5, 1000), 2000);
    T_EQ_INT(retry_pause_ms(1, 0.5, 20000), 20000);
    T_EQ_INT(retry_pause_ms(1, 0.5, 20001), -1);
}

static void the_quota_ends_retries(void)
{
    static const int service;
    struct quotas q;
    struct aws_error slow = {.err = {.code = ERR_TIMEOUT}}, other = {.err = {.code = ERR_NETWORK}};
    int taken = 0;
    quotas_init(&q);
    T_EQ_INT(retry_cost(&slow), 10);
    T_EQ_INT(retry_cost(&other), 5);
    while (quotas_take(&q, &service, "eu-west-1", 5))
        taken++;
    T_EQ_INT(taken, 100);
    T_EQ_INT(quotas_left(&q, &service, "eu-west-1"), 0);
    T_EQ_INT(quotas_left(&q, &service, "us-east-1"), 500); /* each region its own */
    quotas_give(&q, &service, "eu-west-1", 0);
    T_EQ_INT(quotas_left(&q, &service, "eu-west-1"), 1);
    quotas_give(&q, &service, "eu-west-1", 10);
    T_EQ_INT(quotas_left(&q, &service, "eu-west-1"), 11);
    quotas_give(&q, &service, "us-east-1", 0);
    T_EQ_INT(quotas_left(&q, &service, "us-east-1"), 500); /* never more than at the start */
    quotas_release(&q);
}

static void more_than_the_table_holds_share_one(void)
{
    static const int services[AWS_QUOTAS_MAX + 2];
    struct quotas q;
    quotas_init(&q);
    for (int i = 0; i < AWS_QUOTAS_MAX + 2; i++)
        T_CHECK(quotas_take(&q, &services[i], "eu-west-1", 5));
    T_EQ_INT(quotas_left(&q, &services[0], "eu-west-1"), 495);
    T_EQ_INT(quotas_left(&q, &services[AWS_QUOTAS_MAX], "eu-west-1"), 490);
    T_EQ_INT(quotas_left(&q, &services[AWS_QUOTAS_MAX + 1], "eu-west-1"), 490);
    quotas_release(&q);
}

int main(int argc, char **argv)
{
    static const struct t_test tests[] = {
        {"pauses_grow_to_twenty_seconds", pauses_grow_to_twenty_seconds},
        {"retry_after_is_the_least", retry_after_is_the_least},
        {"the_quota_ends_retries", the_quota_ends_retries},
        {"more_than_the_table_holds_share_one", more_than_the_table_holds_share_one},
    };
    return t_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
