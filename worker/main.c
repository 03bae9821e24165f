/* main.c: mcp-gateway-worker, for backends that speak over stdio. */
#include "pipes.h"
#include "proto/role.h"
#include "worker.h"

static struct transport *
open_pipes(struct loop *loop, const struct setup *setup, int *in, int *out,
    const struct transport_events *events, void *arg, const char **why)
{
	*why = NULL;
	return pipes_new(loop, in, out, setup->message_size, events, arg);
}

static const struct worker_kind stdio_kind = {
	.sandbox = SANDBOX_WORKER,
	.talks_to_job = true,
	.open = open_pipes,
};

int
main(int argc, char **argv)
{
	role_begin(argc, argv);
	return worker_main(ROLE_CHANNEL_FD, &stdio_kind);
}
