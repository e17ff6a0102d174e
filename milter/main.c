#include "milter/filter.h"

#include "base/log.h"
#include "base/own.h"
#include "flow/program.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

static struct program program = {
	.name = "portico-milter",
	.does = "Postfix's filter for mail from clinicians to the portal.\n"
		"Runs in the foreground; SIGTERM ends it, SIGUSR1 reads the configuration again.\n",
	.world = { .workers = true },
};

/* SIGUSR1 is blocked everywhere and waited for here: libmilter keeps SIGHUP, SIGTERM and SIGINT for "stop". */
static void *
reloader(void *world)
{
	for (;;) {
		int sig;

		if (sigwait(&program.waited, &sig) == 0)
			program_reload(&program, world);
	}
	return NULL;
}

/* Only Postfix's group may speak to us: whoever can, can say who logged in. The socket comes up closed to everybody but
 * its owner (umask) and is opened to the group when it is there. */
static enum status
open_to_group(const char *path, const char *group, struct err *err)
{
	const struct group *gr = group != NULL && *group != '\0' ? getgrnam(group) : NULL;

	if (group != NULL && *group != '\0' && gr == NULL)
		return err_set(err, ST_LOCAL, "milter.group", "there is no group %s (milter socket group)", group);
	if (gr != NULL && chown(path, (uid_t)-1, gr->gr_gid) != 0)
		return err_set(err, ST_LOCAL, "milter.group",
		    "%s: cannot give it to group %s: %s (is our user a member?)", path, group, strerrordesc_np(errno));
	if (chmod(path, 0660) != 0)
		return err_set(err, ST_LOCAL, "milter.socket", "%s: %s", path, strerrordesc_np(errno));
	return ST_OK;
}

/* A second milter on the same socket would take the first one's place without a word: refuse while somebody answers. */
static bool
in_use(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	return connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0;
}

static enum status
serve(struct world *w, struct err *err)
{
	const struct site_conf *site;
	AUTO_STR conn = NULL;
	struct view v;
	pthread_t thread;
	enum status st = ST_OK;

	view_begin(w, &v);
	site = &v.conf->site;
	conn = xasprintf("unix:%s", site->milter_socket);
	filter_use(w);
	if (in_use(site->milter_socket))
		st = err_set(err, ST_LOCAL, "milter.running", "%s: another milter answers there", site->milter_socket);
	else if (smfi_setconn(conn) != MI_SUCCESS || smfi_register(filter_desc) != MI_SUCCESS ||
		 smfi_opensocket(1) != MI_SUCCESS)
		st = err_set(err, ST_LOCAL, "milter.socket",
		    "%s: cannot listen (is the directory there, and may our user write in it?)", site->milter_socket);
	else
		st = open_to_group(site->milter_socket, site->milter_socket_group, err);
	view_end(&v);
	TRY(st);
	if (pthread_create(&thread, NULL, reloader, w) != 0)
		return err_set(err, ST_LOCAL, "milter.thread", "cannot start a thread");
	pthread_detach(thread);
	log_event(LOG_NOTICE, "ready", F_CONST("program", "milter"));
	if (smfi_main() != MI_SUCCESS)
		return err_set(err, ST_LOCAL, "milter.main", "libmilter gave up");
	/* A session cut off in mid-body gets neither abort nor close: its mail was never answered, so the sender has
	 * it. */
	log_event(LOG_NOTICE, "stopped", F_NUM("unanswered", filter_live()));
	return ST_OK;
}

int
main(int argc, char **argv)
{
	struct err err = ERR_NONE;
	struct world *w = NULL;
	int code;

	sigemptyset(&program.waited);
	sigaddset(&program.waited, SIGUSR1);
	if (!program_begin(&program, argc, argv, &w, &code))
		return code;
	if (serve(w, &err) != ST_OK) {
		log_event(LOG_ERR, "cannot-serve", F_ERR(&err));
		return EX_UNAVAILABLE;
	}
	/* The store's writer must finish; sessions that hang on the world are gone with the process. */
	return 0;
}
