/* lists.h: clients are told of lists that changed, not too often. */
#ifndef FRONT_LISTS_H
#define FRONT_LISTS_H

struct front;
struct lists;

struct lists *lists_new(struct front *front);
void lists_free(struct lists **lists);

/* Something in the catalogue changed: render it at the end of this turn, or
 * when clients were told of something a moment ago, a moment later; and send
 * list_changed for every list whose text differs. */
void lists_changed(struct front *front);

#endif
