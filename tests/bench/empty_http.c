/*
 * The floor of verdict reads: libmicrohttpd with an empty reply and nothing else. Listens on a free
 * port of 127.0.0.1, prints it, and ends when its standard input does. One argument: threads, as
 * judged's HTTP pool has.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum MHD_Result answer(void *response, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *len, void **state)
{
    static int seen;
    if (!*state) { /* the head; the reply goes out when the request is complete */
        *state = &seen;
        return MHD_YES;
    }
    return MHD_queue_response(c, 200, response);
}

int main(int argc, char **argv)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const unsigned threads = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    char byte;
    struct MHD_Response *empty = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, answer, empty,
        MHD_OPTION_SOCK_ADDR, &at, threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
        threads, MHD_OPTION_END);
    if (!empty || !d)
        return 1;
    printf("%u\n", (unsigned)MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    MHD_stop_daemon(d);
    MHD_destroy_response(empty);
    return 0;
}
