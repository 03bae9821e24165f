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

/* sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3), systemd.exec(5): of
 * the process that was started, not of its children. */
static const char *const not_inherited[] = { "LISTEN_PID", "LISTEN_FDS",
	"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
	"MAINPID", "MANAGERPID", "SYSTEMD_EXEC_PID", "INVOCATION_ID",
	"JOURNAL_STREAM", "CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY",
	"STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY",
	"CONFIGURATION_DIRECTORY", "MEMORY_PRESSURE_WATCH",
	"MEMORY_PRESSURE_WRITE", NULL };

/* What leads to the files and sessions of the user who started the gateway: to
 * another one it is closed at best. */
static const char *const of_our_user[] = { "HOME", "USER", "LOGNAME", "SHELL",
	"MAIL", "TMPDIR", "TMP", "TEMP", "OLDPWD", "PWD", "XAUTHORITY",
	"SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "GNUPGHOME",
	"DBUS_SESSION_BUS_ADDRESS", "SUDO_USER", "SUDO_UID", "SUDO_GID",
	"SUDO_COMMAND", NULL };
static const char of_our_sessions[] = "XDG_";

static const char *const kept_when_clear[] = { "PATH", "LANG", "TZ", NULL };
static const char *const about_the_user[] = { "HOME", "USER", "LOGNAME",
	"SHELL", NULL };

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
is_one_of(const char *const *names, const char *entry)
{
	size_t len = name_length(entry);

	for (; *names != NULL; names++) {
		if (strlen(*names) == len && strncmp(entry, *names, len) == 0)
			return true;
	}
	return false;
}

/* Whether a variable of the gateway's is one of the job's. */
static bool
is_inherited(const struct environment *from, const char *entry)
{
	size_t len = name_length(entry);

	if (entry[len] != '=' || len == 0 || is_one_of(not_inherited, entry))
		return false;
	if (from->other &&
	    (is_one_of(of_our_user, entry) ||
		strncmp(entry, of_our_sessions, strlen(of_our_sessions)) == 0))
		return false;
	return !from->clear || is_one_of(kept_when_clear, entry) ||
	    (from->user == NULL && is_one_of(about_the_user, entry));
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

/* One that the gateway is itself keeps what it has. */
static bool
set_user(struct list *list, const struct environment *from)
{
	const struct identity_user *user = from->user;
	bool ours = !from->other && !from->clear;

	if (user != NULL && (!ours || find(list, "HOME", 4) == NULL) &&
	    !set_pair(list, "HOME", user->home))
		return false;
	if (user != NULL && !ours &&
	    (!set_pair(list, "USER", user->name) ||
		!set_pair(list, "LOGNAME", user->name) ||
		!set_pair(list, "SHELL", user->shell)))
		return false;
	return (from->home == NULL || set_pair(list, "HOME", from->home)) &&
	    (from->tmp == NULL || set_pair(list, "TMPDIR", from->tmp));
}

char **
environment_make(const struct environment *from)
{
	struct list list = { .at = calloc(1, sizeof(char *)) };
	bool good = list.at != NULL;

	for (char *const *p = from->own; good && *p != NULL; p++) {
		if (is_inherited(from, *p))
			good = set(&list, strdup(*p));
	}
	good = good && set_user(&list, from);
	for (char *const *p = from->extra; good && *p != NULL; p++)
		good = set(&list, strdup(*p));
	if (good && set_path(&list, from->dirs))
		return list.at;
	environment_free(&list.at);
	errno = ENOMEM;
	return NULL;
}

void
environment_free(char ***env)
{
	for (char **p = *env; p != NULL && *p != NULL; p++)
		freezero(*p, strlen(*p));
	free(*env);
	*env = NULL;
}
