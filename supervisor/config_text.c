#include "config_text.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_access.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define NOWHERE         SIZE_MAX

/* Read until end of file or until size bytes are there; -1 with errno. */
static ssize_t
read_all(int fd, char *dst, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = read(fd, dst + have, size - have);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* Into why: what the system says. */
static int
not_read(char *why)
{
	(void)snprintf(why, CONFIG_TEXT_WHY_MAX,
	    "cannot be read: %s; create it, make it readable for the gateway, "
	    "or name another",
	    strerror(errno));
	return -1;
}

static int
too_large(size_t max, char *why)
{
	(void)snprintf(why, CONFIG_TEXT_WHY_MAX,
	    "has more than %zu bytes; is it the right file?", max);
	return -1;
}

static int
check_file(int fd, size_t max, char *why)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return not_read(why);
	if (!S_ISREG(st.st_mode)) {
		(void)strlcpy(why, "is not a regular file; name one",
		    CONFIG_TEXT_WHY_MAX);
		return -1;
	}
	return (uintmax_t)st.st_size > max ? too_large(max, why) : 0;
}

/* The bytes of the file; the caller's, or NULL. */
static char *
read_file(int fd, size_t *len, size_t max, char *why)
{
	/* One byte more than allowed shows that the file has grown. */
	char *text = malloc(max + 2);
	ssize_t n;

	if (text == NULL || (n = read_all(fd, text, max + 1)) == -1) {
		(void)not_read(why);
	} else if ((size_t)n > max) {
		(void)too_large(max, why);
		explicit_bzero(text, max + 1);
	} else {
		text[n] = '\0';
		*len = (size_t)n;
		return text;
	}
	free(text);
	return NULL;
}

int
config_text_read(char **ret, size_t *len, const char *path, size_t max,
    enum config_trust trust, char why[CONFIG_TEXT_WHY_MAX])
{
	char *text = NULL;
	/* Without O_NONBLOCK a FIFO would hold us in open(2). */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd == -1)
		return not_read(why);
	if (check_file(fd, max, why) == 0 &&
	    config_access_check(fd, path, trust, why) == 0)
		text = read_file(fd, len, max, why);
	(void)close(fd);
	if (text == NULL)
		return -1;
	*ret = text;
	return 0;
}

/* The offset behind the string that starts at text[i]. */
static size_t
skip_string(const char *text, size_t len, size_t i)
{
	for (i++; i < len; i++) {
		if (text[i] == '"')
			return i + 1;
		if (text[i] == '\n')
			return i; /* not JSON; the scanner will say so */
		if (text[i] == '\\')
			i++;
	}
	return len;
}

/*
 * Blank the comment at text[i] and return the offset behind it; i where there
 * is none, NOWHERE where it has no end.
 */
static size_t
blank_comment(char *text, size_t len, size_t i)
{
	size_t end;
	const char *stop;

	if (len - i < 2 || text[i] != '/')
		return i;
	if (text[i + 1] == '/') {
		stop = memchr(text + i, '\n', len - i);
		end = stop == NULL ? len : (size_t)(stop - text);
	} else if (text[i + 1] == '*') {
		stop = memmem(text + i + 2, len - i - 2, "*/", 2);
		if (stop == NULL)
			return NOWHERE;
		end = (size_t)(stop - text) + 2;
	} else
		return i;
	for (; i < end; i++) {
		if (text[i] != '\n')
			text[i] = ' ';
	}
	return end;
}

int
config_text_blank(char *text, size_t len, size_t *error_at)
{
	size_t comma = NOWHERE; /* the last token, if it may be trailing */
	char last = '\0';       /* the last token's first byte */
	size_t i = 0;

	if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
		memset(text, ' ', 3);
	while (i < len) {
		char c = text[i];
		size_t next = blank_comment(text, len, i);

		if (next == NOWHERE) {
			*error_at = i;
			return -1;
		}
		if (next != i) {
			i = next;
			continue;
		}
		i = c == '"' ? skip_string(text, len, i) : i + 1;
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			continue;
		if ((c == '}' || c == ']') && comma != NOWHERE)
			text[comma] = ' ';
		/* "[,]" and "[1,,]" stay wrong. */
		comma =
		    c == ',' && strchr("[{,:", last) == NULL ? i - 1 : NOWHERE;
		last = c;
	}
	return 0;
}

void
config_text_place(
    const char *text, size_t offset, unsigned int *line, unsigned int *column)
{
	size_t start = 0;
	unsigned int n = 1;

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			n++;
			start = i + 1;
		}
	}
	*line = n;
	*column = (unsigned int)(offset - start) + 1;
}
