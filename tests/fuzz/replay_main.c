/* Run a fuzz target once for each file named on the command line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Read all of a file.  0 or -1. */
static int
read_file(const char *path, struct buf *b)
{
	FILE *file = fopen(path, "rb");
	size_t n;

	if (file == NULL)
		return -1;
	do {
		char *at = buf_reserve(b, BUFSIZ);

		if (at == NULL)
			break;
		n = fread(at, 1, BUFSIZ, file);
		buf_commit(b, n);
	} while (n > 0);
	if (ferror(file)) {
		fclose(file);
		return -1;
	}
	return fclose(file);
}

/* A copy of exactly its size lets a sanitizer see every read beyond it. */
static void
run_exact(const struct buf *b)
{
	size_t n = buf_len(b);
	uint8_t *copy = malloc(n + (n == 0));

	if (copy == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		copy[i] = (uint8_t)buf_data(b)[i];
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s file ...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		struct buf b = { 0 };

		if (read_file(argv[i], &b) == -1) {
			perror(argv[i]);
			return 1;
		}
		run_exact(&b);
		buf_free(&b);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
