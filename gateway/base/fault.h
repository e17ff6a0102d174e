/*
 * fault -- named places where a test may kill the process.
 *
 * FAULT_POINT("courier.sent") does nothing unless PORTICO_DIE_AT names it: then the process ends there as kill -9
 * would, at the first hit, or at the n-th with "courier.sent:n". Compiled in always: what is tested is what is
 * shipped, and the cost is one comparison with NULL.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

/* Reads the environment; once, at the start of a program, before threads. */
void fault_init(void);
void fault_hit(const char *name);
extern const char *fault_armed;

#define FAULT_POINT(name)                                                                                              \
	do {                                                                                                           \
		if (fault_armed != NULL)                                                                               \
			fault_hit("" name);                                                                            \
	} while (0)

#endif
