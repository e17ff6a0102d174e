/*
 * replay -- feeds files and folders of files to a fuzz target, once each: the corpora as a regression test, with any
 * compiler. A crash names the file that was running.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static size_t count;

static int
replay_file(const char *path, size_t size)
{
	/* Its own allocation of the exact size, so that a sanitizer sees one byte too far. */
	uint8_t *data = malloc(size > 0 ? size : 1);
	FILE *f = fopen(path, "rb");
	int bad = 1;

	if (data != NULL && f != NULL && fread(data, 1, size, f) == size) {
		printf("%s\n", path);
		fflush(stdout);
		LLVMFuzzerTestOneInput(data, size);
		count++;
		bad = 0;
	}
	if (f != NULL)
		fclose(f);
	free(data);
	return bad;
}

static int
replay(const char *path)
{
	struct stat st;
	struct dirent *e;
	DIR *dir;
	int bad = 0;

	if (stat(path, &st) != 0)
		return 1;
	if (S_ISREG(st.st_mode))
		return replay_file(path, (size_t)st.st_size);
	dir = opendir(path);
	if (dir == NULL)
		return 1;
	while ((e = readdir(dir)) != NULL) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		bad |= replay(name);
	}
	closedir(dir);
	return bad;
}

int
main(int argc, char **argv)
{
	int bad = 0;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	/* The empty input is part of every corpus. */
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		bad |= replay(argv[i]);
	printf("%zu inputs\n", count);
	return bad || count == 0;
}
