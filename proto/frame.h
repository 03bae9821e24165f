/* frame.h: the 24-byte header of every message between two processes. */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

/*
 *  0        4       6       8               16              20      24
 *  +--------+-------+-------+----------------+---------------+-------+
 *  | length | type  | flags | id (u64)       | client (u32)  | zero  |
 *  +--------+-------+-------+----------------+---------------+-------+
 *
 * Big endian, encoded byte by byte; length counts the payload that follows.
 */
#define FRAME_HEADER_LEN 24

struct frame {
	uint32_t length; /* of the payload, in bytes */
	uint16_t type;   /* enum msg_type */
	uint16_t flags;  /* meaning depends on the type */
	uint64_t id;     /* correlates; meaning depends on the type */
	uint32_t client; /* a client's handle, or a generation */
};

/* Write the header's FRAME_HEADER_LEN bytes to out. */
void frame_encode(unsigned char *out, const struct frame *frame);

/*
 * Read a header from the first n bytes at in.  1 when *frame is set, 0 when
 * more bytes are needed, -1 with errno EBADMSG when the reserved field is not
 * zero.  Type and length are not judged here: see msg_check().
 */
int frame_decode(struct frame *frame, const void *in, size_t n);

#endif
