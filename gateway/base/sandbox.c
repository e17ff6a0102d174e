#include "base/sandbox.h"

#include "base/own.h"

#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* Memory, time, what an open descriptor needs, and how a process ends. */
static const int common[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(geteuid),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(nanosleep),
	SCMP_SYS(pause),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(prlimit64),
	SCMP_SYS(read),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(sysinfo),
	SCMP_SYS(time),
	SCMP_SYS(uname),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};
static const int for_keys[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(unlink),
};
/* A process that tries one of these is no longer ours. */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(io_uring_setup),
};

static bool
add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok &= seccomp_rule_add(ctx, action, calls[i], 0) == 0;
	return ok;
}

enum status
sandbox_enter(enum sandbox_kind kind, struct err *err)
{
	const struct scmp_arg_cmp not_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp myself = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool ok = ctx != NULL && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
		  add_all(ctx, SCMP_ACT_ALLOW, common, ARRAY_LEN(common));

	if (kind == SANDBOX_KEYS)
		ok = ok && add_all(ctx, SCMP_ACT_ALLOW, for_keys, ARRAY_LEN(for_keys));
	else if (!SANITIZED)
		ok = ok && seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 0) == 0;
	ok = ok && seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_code) == 0;
	ok = ok && seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &not_code) == 0;
	ok = ok && seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &myself) == 0;
	ok = ok && add_all(ctx, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly));
	ok = ok && seccomp_load(ctx) == 0;
	seccomp_release(ctx);
	return ok ? ST_OK : err_set(err, ST_LOCAL, "sandbox.seccomp", "cannot give up system calls");
}

void
sandbox_quiet(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	umask(077);
}

enum status
sandbox_limits(size_t memory, unsigned descriptors, struct err *err)
{
	struct rlimit none = { 0, 0 }, space = { memory, memory }, files = { descriptors, descriptors };

	if (memory > 0 && !SANITIZED && setrlimit(RLIMIT_AS, &space) != 0)
		return err_set(err, ST_LOCAL, "sandbox.limits", "cannot limit memory: %s", strerrordesc_np(errno));
	/* A daemon's log may be a file. */
	if (setrlimit(RLIMIT_NOFILE, &files) != 0 || (memory > 0 && setrlimit(RLIMIT_FSIZE, &none) != 0))
		return err_set(err, ST_LOCAL, "sandbox.limits", "cannot limit files: %s", strerrordesc_np(errno));
	return ST_OK;
}
