/*
 * The tests of test_release.c (releases, leases, services) on a Redis Cluster: every script and
 * batch finds its slots.
 */
#define STORE_ON_CLUSTER
#include "tests/lib/store/test_release.c"
