/*
 * template.c: the set of places in the URI that the template's beginning can
 * have reached, kept piece by piece: no backtracking.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "template.h"

/* An expression: {op name,name*}. */
struct expression {
	char lead;        /* the character it begins with, or '\0' */
	const char *stop; /* characters that it does not contain */
	bool may_be_missing;
};

static struct expression
expression_of(const char *inner, size_t len)
{
	const bool explode = len > 0 && inner[len - 1] == '*';

	switch (len > 0 ? inner[0] : '\0') {
	case '+':
		return (struct expression){ '\0', "", false };
	case '#':
		return (struct expression){ '#', "", true };
	case '/':
		return (
		    struct expression){ '/', explode ? "?#" : "/?#", false };
	case '.':
		return (struct expression){ '.', "/?#", false };
	case ';':
		return (struct expression){ ';', "/?#", true };
	case '?':
		return (struct expression){ '?', "#", true };
	case '&':
		return (struct expression){ '&', "#", true };
	default:
		return (struct expression){ '\0', explode ? "" : "/?#", false };
	}
}

/* Work that is left after n more steps; 0 is the end of it. */
static bool
spend(size_t *work, size_t n)
{
	*work = *work > n ? *work - n : 0;
	return *work > 0;
}

/*
 * reach[i] says that the template so far can end before uri[i].  Move every
 * place past a literal.  True while any is left.
 */
static bool
pass_literal(uint8_t *reach, const char *uri, size_t len, const char *literal,
    size_t n, size_t *work)
{
	bool any = false;
	size_t i;

	if (!spend(work, len + n))
		return false;
	/* From the end, so that no place is moved twice. */
	for (i = len + 1; i-- > 0;) {
		bool here = i >= n && reach[i - n] != 0;

		if (here && !spend(work, n))
			return false;
		reach[i] = here && memcmp(uri + i - n, literal, n) == 0;
		any = any || reach[i] != 0;
	}
	return any;
}

/* Spread every place over the characters that the expression may have. */
static bool
pass_expression(uint8_t *reach, const char *uri, size_t len,
    struct expression e, size_t *work)
{
	bool any = false, inside = false, begun = false;
	size_t i;

	if (!spend(work, len))
		return false;
	/* begun: a lead was passed before uri[i]; inside: so was one more. */
	for (i = 0; i <= len; i++) {
		const bool here = reach[i] != 0;
		const bool goes = i < len && strchr(e.stop, uri[i]) == NULL;

		reach[i] = inside || (here && e.may_be_missing);
		any = any || reach[i] != 0;
		if (e.lead == '\0')
			begun = here;
		inside = goes && (inside || begun);
		begun = e.lead != '\0' && here && i < len && uri[i] == e.lead;
	}
	return any;
}

static ssize_t
match(const char *template, const char *uri, uint8_t *reach, size_t len,
    size_t *work)
{
	const char *end;
	ssize_t literals = 0;
	size_t n;

	while (*template != '\0') {
		n = strcspn(template, "{");
		if (n > 0) {
			if (!pass_literal(reach, uri, len, template, n, work))
				return -1;
			literals += (ssize_t)n;
			template += n;
			continue;
		}
		template ++;
		end = template + strcspn(template, "{}");
		if (*end != '}' || end == template)
			return -1;
		if (!pass_expression(reach, uri, len,
			expression_of(template, (size_t)(end - template)),
			work))
			return -1;
		template = end + 1;
	}
	return reach[len] ? literals : -1;
}

ssize_t
template_match(const char *template, const char *uri, size_t *work)
{
	const size_t first = strcspn(template, "{");
	const size_t len = strlen(uri);
	uint8_t *reach;
	ssize_t literals;

	/* Most templates are told from the URI by how they begin. */
	if (!spend(work, first + 1) || strncmp(template, uri, first) != 0)
		return -1;
	if ((reach = calloc(1, len + 1)) == NULL)
		return -1;
	reach[0] = 1;
	literals = match(template, uri, reach, len, work);
	free(reach);
	return literals;
}
