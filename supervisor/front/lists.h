/* lists.h: clients are told of lists that changed, not too often. */
#ifndef FRONT_LISTS_H
#define FRONT_LISTS_H

struct front;
struct lists;
struct session;

struct lists *lists_new(struct front *front);
void lists_free(struct lists **lists);

/* A session begins: what it is told of later are changes from now on. */
void lists_begin(struct session *session);

/* Something in the catalogue changed: render it at the end of this turn, or
 * when clients were told of something a moment ago, a moment later; and send
 * list_changed to every session for every list whose text differs from what it
 * was for this session. */
void lists_changed(struct front *front);

/* The same, and sessions may see other lists than before. */
void lists_moved(struct front *front);

/* A session has a stream again: tell it what changed meanwhile. */
void lists_tell(struct session *session);

#endif
