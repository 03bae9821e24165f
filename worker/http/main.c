/* main.c: mcp-gateway-worker-http. */
#include <err.h>

#include <curl/curl.h>

#include "proto/role.h"
#include "remote.h"
#include "worker.h"

int
main(int argc, char **argv)
{
	static const struct worker_kind kind = {
		.sandbox = SANDBOX_WORKER_HTTP,
		.talks_to_job = false,
		.open = remote_open,
	};

	role_begin(argc, argv);
	/* OpenSSL loads what openssl.cnf names, which the sandbox forbids. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		errx(ROLE_EXIT_MEMORY, "libcurl cannot be used");
	return worker_main(ROLE_CHANNEL_FD, &kind);
}
