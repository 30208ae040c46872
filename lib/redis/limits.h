/*
 * Named ceilings of lib/redis (docs/redis.md).
 */
#ifndef LIB_REDIS_LIMITS_H
#define LIB_REDIS_LIMITS_H

/* Bytes of commands waiting or in flight on one link; beyond it a batch is refused unsent. */
#define REDIS_QUEUED_BYTES_MAX ((size_t)64 << 20)
/* So much of it only small batches may fill: a lease is renewed while a backlog is stored. */
#define REDIS_QUEUED_SPARE_BYTES ((size_t)4 << 20)
/* A batch is small up to so many bytes. */
#define REDIS_SMALL_BYTES ((size_t)64 << 10)
/* Batches waiting or in flight on one link. */
#define REDIS_QUEUED_BATCHES_MAX 65536
/* One batch: bytes of its arguments, and its commands. */
#define REDIS_BATCH_BYTES_MAX    ((size_t)32 << 20)
#define REDIS_BATCH_COMMANDS_MAX 65536
/* Bytes of one reply not yet complete; beyond it the connection is given up. */
#define REDIS_REPLY_BYTES_MAX ((size_t)128 << 20)
/* Items of one array in a reply. */
#define REDIS_REPLY_ITEMS_MAX 1000000
/* Encoded commands not yet taken by the kernel; more are encoded when it drains. */
#define REDIS_WRITE_BYTES ((size_t)1 << 20)
/* Distinct scripts one process uses. */
#define REDIS_SCRIPTS_MAX 64

/* Back-off between connection attempts: doubles from first to last. */
#define REDIS_BACKOFF_FIRST_MS 10
#define REDIS_BACKOFF_LAST_MS  1000
/* A connection attempt with its handshake takes at most this long. */
#define REDIS_CONNECT_MS 3000
/* Resolving a host name, which the redis thread waits for. */
#define REDIS_RESOLVE_MS 1000
/* The oldest command in flight is this late past its batch's deadline: the connection is dead. */
#define REDIS_STALL_MS 3000

/* Hosts an address may name: Sentinels, or nodes a cluster is found by. */
#define REDIS_SEEDS_MAX 16

/* Servers of a cluster we speak to: its masters, and those named. */
#define REDIS_NODES_MAX 128
/* A command sent elsewhere so often waits before it tries again. */
#define REDIS_HOPS_MAX 5
/* A command that must wait for the cluster (TRYAGAIN, CLUSTERDOWN, no owner) tries again after. */
#define REDIS_TRY_AGAIN_MS 50
/* While something is amiss the cluster's map is asked for this often, else each REDIS_MAP_MS. */
#define REDIS_MAP_AMISS_MS 200
#define REDIS_MAP_MS       10000
/* An asked node has this long to answer before another one is asked. */
#define REDIS_MAP_WAIT_MS 1000
/* While the master is away the next Sentinel is asked this often. */
#define REDIS_SENTINEL_ASK_MS 500

/* Embedded server: longest path of its socket (struct sockaddr_un). */
#define REDIS_SOCKET_PATH_MAX 107

#endif
