/* main.c: mcp-gateway-worker. */
#include "proto/role.h"
#include "worker.h"

int
main(int argc, char **argv)
{
	role_begin(argc, argv);
	return worker_main(ROLE_CHANNEL_FD);
}
