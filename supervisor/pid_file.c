/* pid_file.c: one gateway at a time. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "pid_file.h"
#include "refusal.h"

/* Everybody may know our number. */
#define MODE 0644

/* /run is empty after each boot, and not everybody has systemd-tmpfiles(8). */
static void
make_default_folder(const char *path)
{
	if (strcmp(path, PID_FILE_DEFAULT) == 0)
		(void)mkdir("/run/mcp-gateway", 0755);
}

/* pidfile_open() follows links and empties what is there: root's must lie where
 * nobody else could have put one. */
static int
check_place(const char *path, char **error)
{
	char *fault = NULL;
	struct stat st;

	if (folder_check(path, geteuid() != 0, &fault) == -1) {
		(void)refuse(error, "cannot write pidfile %s: %s", path,
		    fault != NULL ? fault : "out of memory");
		free(fault);
		return -1;
	}
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return refuse(error,
		    "cannot write pidfile %s: what is there is no file; remove "
		    "it, or choose another path with --pidfile",
		    path);
	return 0;
}

/* Why it could not be opened: always -1, with *error. */
static int
refuse_file(const char *path, int code, pid_t other, char **error)
{
	if (code != EEXIST)
		return refuse(error,
		    "cannot write pidfile %s: %s; choose another path with "
		    "--pidfile",
		    path, strerror(code));
	if (other <= 0)
		return refuse(error,
		    "already running (pidfile %s is locked by a process that "
		    "is starting)",
		    path);
	return refuse(error, "already running with pid %d (pidfile %s)",
	    (int)other, path);
}

struct pidfh *
pid_file_take(const char *path, char **error)
{
	struct pidfh *file;
	pid_t other = -1;

	*error = NULL;
	make_default_folder(path);
	if (check_place(path, error) == -1)
		return NULL;
	if ((file = pidfile_open(path, MODE, &other)) == NULL) {
		(void)refuse_file(path, errno, other, error);
		return NULL;
	}
	/* Else the lock would live as long as any job (libbsd 0.11.7). */
	if (fcntl(pidfile_fileno(file), F_SETFD, FD_CLOEXEC) == -1) {
		(void)refuse_file(path, errno, -1, error);
		(void)pidfile_remove(file);
		return NULL;
	}
	return file;
}
