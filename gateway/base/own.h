/*
 * own -- ownership that can be seen.
 *
 * AUTO(t) x declares a "struct t *x" that t_free() releases when the scope ends; x_free(NULL) is always fine.
 * TAKE(p) hands p on and leaves NULL behind. A parameter is borrowed unless its comment says "takes".
 */
#ifndef BASE_OWN_H
#define BASE_OWN_H

#include <stddef.h>

#define AUTO(t) __attribute__((cleanup(t##_freep))) struct t *
#define DEFINE_FREEP(t)                                                                                                \
	static inline void t##_freep(struct t **p)                                                                     \
	{                                                                                                              \
		t##_free(*p);                                                                                          \
		*p = NULL;                                                                                             \
	}
#define TAKE(p)                                                                                                        \
	__extension__({                                                                                                \
		__typeof__(p) taken_ = (p);                                                                            \
		(p) = NULL;                                                                                            \
		taken_;                                                                                                \
	})

#define AUTO_STR __attribute__((cleanup(own_free_str))) char *
void own_free_str(char **);
#define AUTO_FD __attribute__((cleanup(own_close_fd))) int
void own_close_fd(int *);

/* Memory that is never NULL: running out ends the process, which by design loses nothing (the store is the truth). */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

#endif
