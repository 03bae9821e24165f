/* config_access.h: who else may change a file that the configuration consists
 * of. */
#ifndef SUPERVISOR_CONFIG_ACCESS_H
#define SUPERVISOR_CONFIG_ACCESS_H

#include "config_text.h"

/*
 * Check the file at path, which is open as fd.  Of root's gateway nobody but
 * root may change it, nor any folder or symbolic link on the way to it, except
 * that a folder may be like /tmp, in which others can add files but not replace
 * root's.  Of another user's gateway the file itself must be that user's or
 * root's, and not everybody may write it.  A secret may not be read by
 * everybody either.  0; or -1 with what is wrong and the remedy in why, which
 * goes on after the file's name: "can be written by anyone, …".
 */
int config_access_check(int fd, const char *path, enum config_trust trust,
    char why[CONFIG_TEXT_WHY_MAX]);

#endif
