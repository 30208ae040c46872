/*
 * The tests of test_blocks.c (commits, sealing, late samples) on a Redis Cluster: every script and
 * batch finds its slots.
 */
#define STORE_ON_CLUSTER
#include "tests/lib/store/test_blocks.c"
