/* wire.h: frames to and from the supervisor, read and written by hand: the
 * reaper has no event loop and so no channel. */
#ifndef REAPER_WIRE_H
#define REAPER_WIRE_H

#include "proto/buf.h"
#include "proto/frame.h"
#include "proto/msg.h"

/* Read what there is on fd 3 into in.  1, 0 at end of file or when the socket
 * failed, -1 with errno ENOMEM. */
int wire_fill(struct buf *in);

/*
 * Take the next whole frame from in: 1 with *frame set and its payload at
 * buf_data(in), to be consumed by the caller; 0 when more bytes are needed; -1
 * with errno EBADMSG when the supervisor broke the frame rules.
 */
int wire_next(struct buf *in, struct frame *frame);

/* Send a frame of this type with a JSON text, which may be empty.  0, or -1
 * with errno. */
int wire_send(enum msg_type type, uint16_t flags, const char *json);

#endif
