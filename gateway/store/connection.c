#include "store/inside.h"

#define BUSY_MS 5000 /* SQLite's own waiting: recovery after a crash, a backup */

void
conn_close(struct conn *c)
{
	conn_forget_statements(c);
	sqlite3_close(c->db);
	c->db = NULL;
}

static int
remember_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	*(int *)arg = pages;
	return SQLITE_OK;
}

enum status
conn_open(struct conn *c, const char *path, bool writer, int *wal_pages, struct err *err)
{
	/* secure_delete: what is forgotten is overwritten. No mmap: a failed read must be an error, not a signal. */
	static const char both[] = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
				   "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
				   "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -16000";
	int rc = sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_extended_result_codes(c->db, 1);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(c->db, BUSY_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_autocheckpoint(c->db, 0);
	if (rc == SQLITE_OK)
		rc = conn_exec(c, both);
	if (rc == SQLITE_OK && !writer)
		rc = conn_exec(c, "PRAGMA query_only = ON");
	if (rc == SQLITE_OK && wal_pages != NULL)
		sqlite3_wal_hook(c->db, remember_wal, wal_pages);
	if (rc == SQLITE_OK)
		return ST_OK;
	conn_close(c);
	return sql_fail(c, rc, err);
}
