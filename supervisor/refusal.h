/* refusal.h: why the gateway cannot be started so, for the person who tries. */
#ifndef SUPERVISOR_REFUSAL_H
#define SUPERVISOR_REFUSAL_H

/*
 * Set *error to the text, the caller's to free, or to NULL when there is no
 * memory for it.  Always -1, to be returned.
 */
int refuse(char **error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
