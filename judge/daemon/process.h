/*
 * Figures of the process itself for /metrics: resident memory, CPU time, open descriptors, uptime.
 */
#ifndef JUDGE_DAEMON_PROCESS_H
#define JUDGE_DAEMON_PROCESS_H

#include <stdint.h>

void process_counters_register(void);
/* Tells a supervisor (systemd's $NOTIFY_SOCKET) the state: "READY=1", "STOPPING=1". No socket:
 * nothing. */
void process_notify(const char *state);

#endif
