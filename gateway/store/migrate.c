#include "store/impl.h"

#include <stdio.h>

/* A released migration is never edited: the next change is the next file. */
static const struct migration *const migrations[] = { &migrate_001, &migrate_002 };

int
migrate_newest(void)
{
	return migrations[ARRAY_LEN(migrations) - 1]->number;
}

enum status
migrate_version(struct conn *c, int *ret, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->db, "PRAGMA user_version", -1, &s, NULL);
	int got = 0;

	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		got = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	if (rc != SQLITE_ROW)
		return sql_fail(c, rc, err);
	*ret = got;
	return ST_OK;
}

static int
apply(struct conn *c, const struct migration *m)
{
	char stamp[64];
	int rc = conn_exec(c, "BEGIN IMMEDIATE");

	for (size_t i = 0; rc == SQLITE_OK && m->sql[i] != NULL; i++)
		rc = conn_exec(c, m->sql[i]);
	snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d", m->number);
	if (rc == SQLITE_OK)
		rc = conn_exec(c, stamp);
	if (rc == SQLITE_OK)
		rc = conn_exec(c, "COMMIT");
	if (rc != SQLITE_OK)
		conn_exec(c, "ROLLBACK");
	return rc;
}

enum status
migrate_run(struct conn *c, struct err *err)
{
	int have = 0;

	TRY(migrate_version(c, &have, err));
	if (have > migrate_newest())
		return err_set(err, ST_LOCAL, "store.newer",
		    "the database has schema %d, this program knows up to %d: a newer Portico has run here; install "
		    "that version again or restore the backup taken before it",
		    have, migrate_newest());
	for (size_t i = 0; i < ARRAY_LEN(migrations); i++) {
		int rc;

		if (migrations[i]->number <= have)
			continue;
		rc = apply(c, migrations[i]);
		if (rc != SQLITE_OK)
			return sql_fail(c, rc, err);
	}
	return ST_OK;
}
