/* strays.c: processes that fell to us. */
#include <sys/prctl.h>

#include <stdlib.h>

#include "proto/children.h"
#include "strays.h"

struct strays {
	pid_t *spared;
	size_t count;
	bool failed;
};

struct filter {
	const struct strays *strays;
	bool (*known)(void *arg, pid_t pid);
	void *arg;
};

static bool
note(void *arg, pid_t pid)
{
	struct strays *strays = arg;
	pid_t *more =
	    reallocarray(strays->spared, strays->count + 1, sizeof(*more));

	if (more == NULL) {
		strays->failed = true;
	} else {
		strays->spared = more;
		strays->spared[strays->count++] = pid;
	}
	return true;
}

struct strays *
strays_new(void)
{
	struct strays *strays = calloc(1, sizeof(*strays));

	if (strays == NULL)
		return NULL;
	(void)children_kill(note, strays);
	if (strays->failed)
		strays_free(&strays);
	else
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	return strays;
}

void
strays_free(struct strays **strays)
{
	if (*strays == NULL)
		return;
	free((*strays)->spared);
	free(*strays);
	*strays = NULL;
}

static bool
is_kept(void *arg, pid_t pid)
{
	const struct filter *filter = arg;

	for (size_t i = 0; i < filter->strays->count; i++) {
		if (filter->strays->spared[i] == pid)
			return true;
	}
	return filter->known != NULL && filter->known(filter->arg, pid);
}

int
strays_kill(
    const struct strays *strays, bool (*known)(void *arg, pid_t pid), void *arg)
{
	struct filter filter = { strays, known, arg };

	return children_kill(is_kept, &filter);
}

void
strays_forget(struct strays *strays, pid_t pid)
{
	for (size_t i = 0; i < strays->count; i++) {
		if (strays->spared[i] == pid) {
			strays->spared[i] = strays->spared[--strays->count];
			return;
		}
	}
}
