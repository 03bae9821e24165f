/* pool.h: memory for libevent from free lists. */
#ifndef FRONT_POOL_H
#define FRONT_POOL_H

/*
 * evhttp allocates some fifty small pieces for every request.  Hand it memory
 * from free lists by size instead: 40 % fewer instructions, no malloc in steady
 * state.  Memory of a list is never given back, so the front keeps the most it
 * ever needed at once.  Call it before anything of libevent.  A failing malloc
 * ends the process: evhttp does not survive one, and the supervisor starts us
 * again.  Does nothing in sanitizer builds, which must see every piece.
 */
void pool_install(void);

#endif
