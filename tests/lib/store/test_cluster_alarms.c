/*
 * The tests of test_alarms.c on a Redis Cluster: alarms of several slots are read at once.
 */
#define STORE_ON_CLUSTER
#include "tests/lib/store/test_alarms.c"
