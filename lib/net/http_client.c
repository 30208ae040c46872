#include "lib/net/http_client.h"

#include "lib/net/http_priv.h"
#include "lib/net/http_transfer.h"

#include <stdlib.h>

struct http_client {
    CURL *easy; /* keeps its connections when reset */
};

struct http_client *http_client_new(void)
{
    struct http_client *c = mem_alloc(sizeof(*c));
    net_start();
    c->easy = curl_easy_init();
    BUG_ON(!c->easy);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    free(c);
}

int http_client_do(struct http_client *c, const struct http_request *q, struct http_reply *reply,
                   struct err *err)
{
    struct transfer t;
    int status = transfer_prepare(&t, c->easy, q, reply, err);
    if (status == 0)
        status = transfer_finish(&t, c->easy, curl_easy_perform(c->easy), err);
    transfer_release(&t);
    return status;
}
