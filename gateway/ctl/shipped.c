#include "ctl/policy.h"

/*
 * The shipped policy, byte for byte as it is installed under /usr/share/portico. The assembler reads the files, so the
 * compiler has to be run from the top of the source tree, as make does.
 */
#define EMBED(name, path)                                                                                              \
	__asm__(".section .rodata\n"                                                                                   \
		".balign 16\n" #name ":\n.incbin \"" path "\"\n" #name "_end:\n.byte 0\n"                              \
		".previous\n");                                                                                        \
	extern const char name[] __attribute__((visibility("hidden")));                                                \
	extern const char name##_end[] __attribute__((visibility("hidden")))

EMBED(shipped_boundaries_yaml, "conf/boundaries.yaml");
EMBED(shipped_en_yaml, "conf/lexicon/en.yaml");
EMBED(shipped_es_yaml, "conf/lexicon/es.yaml");

const struct boundaries_source *
shipped_boundaries(size_t *ret_n)
{
	static struct boundaries_source files[3];

	files[0] = (struct boundaries_source){ "conf/boundaries.yaml",
		{ shipped_boundaries_yaml, (size_t)(shipped_boundaries_yaml_end - shipped_boundaries_yaml) } };
	files[1] = (struct boundaries_source){ "lexicon/en.yaml",
		{ shipped_en_yaml, (size_t)(shipped_en_yaml_end - shipped_en_yaml) } };
	files[2] = (struct boundaries_source){ "lexicon/es.yaml",
		{ shipped_es_yaml, (size_t)(shipped_es_yaml_end - shipped_es_yaml) } };
	*ret_n = 3;
	return files;
}
