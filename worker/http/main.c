/* main.c: mcp-gateway-worker-http. */
#include "proto/role.h"
#include "remote.h"
#include "worker.h"

int
main(int argc, char **argv)
{
	static const struct worker_kind kind = {
		.talks_to_job = false,
		.open = remote_open,
	};

	role_begin(argc, argv);
	return worker_main(ROLE_CHANNEL_FD, &kind);
}
