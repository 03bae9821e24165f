/* chunk.h: what goes over a stream: server-sent events as HTTP chunks. */
#ifndef FRONT_CHUNK_H
#define FRONT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/json.h"
#include "proto/splice.h"

/* What stands before and after every message of a stream.  The original product
 * ends lines with CRLF. */
#define CHUNK_EVENT_START     "event: message\r\ndata: "
#define CHUNK_EVENT_END       "\r\n\r\n"
#define CHUNK_EVENT_START_LEN (sizeof(CHUNK_EVENT_START) - 1)
#define CHUNK_EVENT_END_LEN   (sizeof(CHUNK_EVENT_END) - 1)

/* 16 digits of a size_t, CRLF; and the CRLF after a chunk. */
#define CHUNK_SIZE_MAX 18U
#define CHUNK_END      "\r\n"
#define CHUNK_END_LEN  2U

/* Write the line before a chunk of size bytes, at most CHUNK_SIZE_MAX bytes;
 * returns how many. */
size_t chunk_put_size(char *dst, size_t size);

/* Bytes that a message of n bytes takes, at most. */
static inline size_t
chunk_message_max(size_t n)
{
	return CHUNK_SIZE_MAX + CHUNK_EVENT_START_LEN + n +
	    CHUNK_EVENT_END_LEN + CHUNK_END_LEN;
}

/*
 * Write a message as one event in one chunk, behind the line id, which may be
 * empty; newlines: raw CR and LF in it become spaces, since they would end the
 * event.  Returns the bytes written, at most chunk_message_max() of those of
 * both.
 */
size_t chunk_put_message(char *dst, struct json_span id,
    const struct splice *message, bool newlines);

#endif
