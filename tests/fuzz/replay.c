/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/fuzz/replay.c: one harness over the files that are named, once each. */
#include <string.h>

#include "core/files.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (16u << 20)

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *text;
		size_t len;
		int err = file_read(argv[i], INPUT_MAX, &text, &len);

		if (err) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-err));
			return 1;
		}
		printf("%s\n", argv[i]);
		fflush(stdout);
		LLVMFuzzerTestOneInput((const uint8_t *)text, len);
		free(text);
	}
	return 0;
}
