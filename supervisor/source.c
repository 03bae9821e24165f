/* source.c: where the gateway's configurations come from. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refusal.h"
#include "source.h"

int
source_init(struct source *source, const struct options *options, char **error)
{
	*error = NULL;
	*source = (struct source){ .options = options };
	if (options->daemon && (source->folder = getcwd(NULL, 0)) == NULL &&
	    errno != ENOENT)
		return refuse(error, "cannot find the current folder: %s",
		    strerror(errno));
	source->path = source_path(source, options->config);
	if (source->path == NULL) {
		source_free(source);
		return -1;
	}
	return 0;
}

void
source_free(struct source *source)
{
	free(source->folder);
	free(source->path);
	source->folder = source->path = NULL;
}

/* In a folder that was removed nothing is found, as in the foreground. */
char *
source_path(const struct source *source, const char *path)
{
	char *whole;

	if (*path == '/' || source->folder == NULL)
		return strdup(path);
	if (asprintf(&whole, "%s/%s",
		strcmp(source->folder, "/") == 0 ? "" : source->folder,
		path) == -1)
		return NULL;
	return whole;
}

/* Put a copy in the place of a text.  0, or -1 with ENOMEM. */
static int
replace(char **text, char *copy)
{
	if (copy == NULL)
		return -1;
	free(*text);
	*text = copy;
	return 0;
}

/* Where to listen is one thing: whoever says half of it on the command line
 * does not mean the list of the file. */
static int
override_address(struct config *config, const struct options *opt)
{
	if (opt->host == NULL && opt->port == -1)
		return 0;
	for (size_t i = 0; config->listen[i] != NULL; i++)
		free(config->listen[i]);
	config->listen[0] = NULL;
	if (opt->port != -1)
		config->port = (uint16_t)opt->port;
	return opt->host == NULL ? 0
				 : replace(&config->host, strdup(opt->host));
}

/* The command line wins over the file. */
static int
override(struct config *config, const struct source *source)
{
	const struct options *opt = source->options;

	if (override_address(config, opt) == -1)
		return -1;
	if (opt->log_level != -1)
		config->log_level = (enum log_level)opt->log_level;
	if (opt->insecure)
		config->insecure = true;
	return replace(&config->log_dir, source_path(source, config->log_dir));
}

int
source_load(void *arg, struct config **ret, struct config_errors *errors)
{
	const struct source *source = arg;
	struct config *config;

	if (config_load(&config, source->path, errors) == -1)
		return -1;
	if (override(config, source) == -1) {
		config_free(&config);
		return -1;
	}
	*ret = config;
	return 0;
}
