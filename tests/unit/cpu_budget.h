/*
 * cpu_budget -- "this takes no longer than" for tests: processor time of this process, so that a busy machine does not
 * fail them, and ten times as much where a sanitizer or a debugger slows everything down.
 */
#ifndef TESTS_CPU_BUDGET_H
#define TESTS_CPU_BUDGET_H

#include <time.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__) ||                         \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CPU_SLOWER 10
#else
#define CPU_SLOWER 1
#endif

static inline long
cpu_ms(void)
{
	return (long)(clock() / (CLOCKS_PER_SEC / 1000));
}

#define assert_cpu_below(since, ms)                                                                                    \
	do {                                                                                                           \
		print_message("  took %ld ms of processor time\n", cpu_ms() - (since));                                \
		assert_true(cpu_ms() - (since) < (ms)*CPU_SLOWER);                                                     \
	} while (0)

#endif
