/* source.h: where the gateway's configurations come from: the file, with the
 * command line over it, each time. */
#ifndef SUPERVISOR_SOURCE_H
#define SUPERVISOR_SOURCE_H

#include "config.h"
#include "options.h"

struct source {
	const struct options *options; /* borrowed */
	char *folder; /* that relative paths of a daemon begin in; or NULL */
	char *path;   /* of the file */
};

/* A daemon leaves the folder that it was started in, so that paths are made
 * absolute here.  0, or -1 with *error, the caller's, or NULL when memory ran
 * out. */
int source_init(
    struct source *source, const struct options *options, char **error);
void source_free(struct source *source);

/* A path of the command line or of the file, the caller's; NULL with ENOMEM. */
char *source_path(const struct source *source, const char *path);

/* As config_load(); arg is the struct source. */
int source_load(void *arg, struct config **ret, struct config_errors *errors);

#endif
