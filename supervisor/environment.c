/* environment.c: what a job finds in its environment. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"

/* As execvp(3) takes it when there is no PATH. */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

struct list {
	char **at; /* NULL-terminated */
	size_t count;
};

/* sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3): of the process that
 * was started, not of its children. */
static const char *const not_inherited[] = { "LISTEN_PID", "LISTEN_FDS",
	"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC" };

static size_t
name_length(const char *entry)
{
	return strcspn(entry, "=");
}

/* Where the variable of this name is, or NULL. */
static char **
find(const struct list *list, const char *name, size_t len)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strncmp(list->at[i], name, len) == 0 &&
		    list->at[i][len] == '=')
			return &list->at[i];
	}
	return NULL;
}

/* Takes entry ("NAME=value"; NULL is a failed allocation). */
static bool
set(struct list *list, char *entry)
{
	char **old, **more;

	if (entry == NULL)
		return false;
	old = find(list, entry, name_length(entry));
	if (old != NULL) {
		free(*old);
		*old = entry;
		return true;
	}
	more = reallocarray(list->at, list->count + 2, sizeof(*more));
	if (more == NULL) {
		free(entry);
		return false;
	}
	list->at = more;
	list->at[list->count++] = entry;
	list->at[list->count] = NULL;
	return true;
}

static bool
set_pair(struct list *list, const char *name, const char *value)
{
	char *entry = NULL;

	if (asprintf(&entry, "%s=%s", name, value) == -1)
		entry = NULL;
	return set(list, entry);
}

static bool
inherited(const char *entry)
{
	size_t len = name_length(entry);

	if (entry[len] != '=' || len == 0)
		return false;
	for (size_t i = 0; i < sizeof(not_inherited) / sizeof(not_inherited[0]);
	     i++) {
		if (strlen(not_inherited[i]) == len &&
		    strncmp(entry, not_inherited[i], len) == 0)
			return false;
	}
	return true;
}

static bool
set_path(struct list *list, const char *const *dirs)
{
	char **path = find(list, "PATH", 4);
	char *value = strdup(path != NULL ? *path + 5 : DEFAULT_PATH), *longer;
	bool good = value != NULL;

	for (; good && *dirs != NULL; dirs++) {
		/* An empty PATH would mean the current folder. */
		good = asprintf(&longer, "%s%s%s", value,
			   value[0] != '\0' ? ":" : "", *dirs) != -1;
		if (!good)
			break;
		free(value);
		value = longer;
	}
	good = good && set_pair(list, "PATH", value);
	free(value);
	return good;
}

char **
environment_make(char *const *own, const struct identity_user *user,
    char *const *extra, const char *const *dirs)
{
	struct list list = { .at = calloc(1, sizeof(char *)) };
	bool good = list.at != NULL;

	for (; good && *own != NULL; own++) {
		if (inherited(*own))
			good = set(&list, strdup(*own));
	}
	if (user != NULL)
		good = good && set_pair(&list, "HOME", user->home) &&
		    set_pair(&list, "USER", user->name) &&
		    set_pair(&list, "LOGNAME", user->name) &&
		    set_pair(&list, "SHELL", user->shell);
	for (; good && *extra != NULL; extra++)
		good = set(&list, strdup(*extra));
	if (good && set_path(&list, dirs))
		return list.at;
	environment_free(&list.at);
	errno = ENOMEM;
	return NULL;
}

void
environment_free(char ***env)
{
	for (char **p = *env; p != NULL && *p != NULL; p++)
		free(*p);
	free(*env);
	*env = NULL;
}
