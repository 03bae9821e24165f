/*
 * salvage.h: which call a message was the answer to, when the message itself
 * has to be refused (NaN, invalid UTF-8, too long): so that its call fails at
 * once and does not wait for its deadline.
 */
#ifndef WORKER_SALVAGE_H
#define WORKER_SALVAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The integer "id" of what looks like a JSON-RPC response, found by the
 * structure of the outermost object alone; the text may be wrong or cut
 * anywhere.  0, or -1 when there is none, or a "method" beside it.
 */
int salvage_id(const char *text, size_t len, int64_t *id);

/*
 * The same from the last bytes of a message: an "id" that is the last member
 * of the outermost object.
 */
int salvage_id_at_end(const char *tail, size_t len, int64_t *id);

#endif
