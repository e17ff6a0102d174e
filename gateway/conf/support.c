#include "base/own.h"
#include "conf/conf_in.h"

#include <string.h>
#include <sys/stat.h>

/* The roles stand at the top of the file, beside the two maps. */
struct support_top {
	struct support_conf conf; /* first: the table fits a struct support_conf as far as its values go */
	struct ynode desk, supporters;
};

static const struct conf_key top_keys[] = {
	KEY(support_top, "desk", desk, CONF_NODE, .required = true, .help = "what every mail and reply names"),
	KEY(support_top, "supporters", supporters, CONF_NODE, .required = true,
	    .help = "people who handle incidents, each under a short id"),
	KEY(support_top, "privacy_officer", conf.privacy_officer, CONF_STR, .required = true,
	    .help = "id of a supporter or clinician: hears of every possible disclosure"),
	KEY(support_top, "on_call", conf.on_call, CONF_STR, .required = true,
	    .help = "id of a supporter or clinician: is paged for an emergency that reached nobody"),
	KEY(support_top, "page_command", conf.page_command, CONF_PATH,
	    .help = "program that pages the on-call; it is given references, never content"),
};

static const struct conf_key desk_keys[] = {
	KEY(support_conf, "name", name, CONF_STR, .required = true, .help = "whom to ask for"),
	KEY(support_conf, "phone", phone, CONF_STR, .required = true, .help = "its number"),
	KEY(support_conf, "address", address, CONF_ADDR, .help = "its mail address"),
	KEY(support_conf, "hours", hours, CONF_STR, .help = "when it answers, in words"),
};

static const struct conf_key supporter_keys[] = {
	KEY(supporter_conf, "name", name, CONF_STR, .required = true, .help = "whom to ask for"),
	KEY(supporter_conf, "address", address, CONF_ADDR, .required = true, .help = "where incidents are mailed to"),
	KEY(supporter_conf, "phone", phone, CONF_STR, .required = true, .help = "named in every incident of theirs"),
	KEY(supporter_conf, "hours", hours, CONF_STR, .help = "when they can be reached, in words"),
};

static const void *
support_at(const struct conf *c, size_t i, const char **id)
{
	*id = "";
	return i == 0 ? &c->support : NULL;
}

static const void *
supporter_at(const struct conf *c, size_t i, const char **id)
{
	*id = i < c->support.nsupporters ? c->support.supporter[i].id : "";
	return i < c->support.nsupporters ? &c->support.supporter[i] : NULL;
}

#define AREA(sec, table, at, text)                                                                                     \
	{                                                                                                              \
		"support.yaml", sec, table, ARRAY_LEN(table), text, at, NULL                                           \
	}
const struct conf_area support_areas[] = {
	AREA("", top_keys, support_at, "who helps when something breaks"),
	AREA("desk", desk_keys, support_at, "the help desk"),
	AREA("supporters.<id>", supporter_keys, supporter_at, "one designated supporter"),
};
const size_t n_support_areas = ARRAY_LEN(support_areas);

static bool
has_supporter(const struct support_conf *s, const char *id)
{
	for (size_t i = 0; i < s->nsupporters; i++)
		if (strcmp(s->supporter[i].id, id) == 0)
			return true;
	return false;
}

static void
check_person(struct reading *r, struct ynode at, const char *id)
{
	if (id != NULL && r->conf->people.nclinicians > 0 && !has_supporter(&r->conf->support, id) &&
	    conf_clinician(r->conf, id) == NULL)
		yaml_complain(
		    at, "\"%s\" is nobody we know, expected the id of a supporter or clinician", ynode_quote(at));
}

/* A program that somebody else can change runs with the bridge's rights. */
static void
check_program(struct ynode at, const char *path)
{
	struct stat st;

	if (path == NULL || !check_file(at, path) || stat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		yaml_complain(at, "%s cannot be run, expected a program (chmod 755 it)", path);
	else if ((st.st_mode & 022) != 0)
		yaml_complain(at, "%s has mode %04o: others may change the program, expected 0755", path,
		    (unsigned)st.st_mode & 07777);
}

static void
read_supporters(struct reading *r, struct ynode at)
{
	struct support_conf *s = &r->conf->support;

	if (!check_entries(at, "supporters"))
		return;
	if (at.id != 0 && ynode_count(at) == 0)
		yaml_complain(at, "no supporter, expected at least one");
	s->nsupporters = ynode_count(at);
	s->supporter = ARENA_ARRAY(r->arena, s->nsupporters + 1, struct supporter_conf);
	for (size_t i = 0; i < s->nsupporters; i++) {
		struct ynode id = ynode_key(at, i), node = ynode_item(at, i);
		struct supporter_conf *who = &s->supporter[i];

		check_id(id, "a supporter");
		who->id = arena_strdup(r->arena, ynode_text(id));
		/* on_call: lee must mean one person. */
		if (conf_clinician(r->conf, who->id) != NULL)
			yaml_complain(
			    id, "\"%s\" is a clinician's id too, expected one that nobody else has", ynode_quote(id));
		yaml_read_map(node, supporter_keys, ARRAY_LEN(supporter_keys), who);
	}
}

void
support_read(struct reading *r, struct ynode root)
{
	struct support_conf *s = &r->conf->support;
	struct support_top top = { .conf = { NULL } };

	yaml_read_map(root, top_keys, ARRAY_LEN(top_keys), &top);
	yaml_read_map(top.desk, desk_keys, ARRAY_LEN(desk_keys), s);
	read_supporters(r, top.supporters);
	s->privacy_officer = top.conf.privacy_officer;
	s->on_call = top.conf.on_call;
	s->page_command = top.conf.page_command;
	check_person(r, ynode_get(root, "privacy_officer"), s->privacy_officer);
	check_person(r, ynode_get(root, "on_call"), s->on_call);
	check_program(ynode_get(root, "page_command"), s->page_command);
}
