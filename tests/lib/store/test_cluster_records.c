/*
 * The tests of test_records.c (segments, verdicts, orders, documents) on a Redis Cluster: every
 * script and batch finds its slots.
 */
#define STORE_ON_CLUSTER
#include "tests/lib/store/test_records.c"
