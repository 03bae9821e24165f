/* template.h: does a URI come from a URI template (RFC 6570)? */
#ifndef FRONT_TEMPLATE_H
#define FRONT_TEMPLATE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Match the whole uri with the template.  {x} is one or more characters of a
 * path segment, {+x} and {x*} anything, {/x} and {.x} the same after their
 * character, {?a,b}, {&a}, {;a} and {#a} may be missing.  Returns how many
 * characters of the template are literal, or -1 when it does not match or is
 * malformed.
 *
 * Takes at most strlen(uri) * strlen(template) steps and counts them down in
 * *work; -1 when it reaches 0.
 */
ssize_t template_match(const char *template, const char *uri, size_t *work);

#endif
