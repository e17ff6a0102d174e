/* The embedded portal: it lives in the same database so that a clinic without a portal needs nothing else. What people
 * wrote is sealed as messages are, each post under a data key of its own. */
#include "store/impl.h"

static const char *const sql[] = {
	"CREATE TABLE local_thread ("
	"  id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 16),"
	"  patient TEXT NOT NULL REFERENCES patient (ref),"
	"  addressee TEXT NOT NULL CHECK (addressee <> ''),"
	"  patient_only INTEGER NOT NULL DEFAULT 0 CHECK (patient_only IN (0, 1)),"
	"  opened_ms INTEGER NOT NULL"
	") STRICT",
	"CREATE INDEX local_thread_patient ON local_thread (patient)",

	"CREATE TABLE local_post ("
	"  seq INTEGER PRIMARY KEY,"
	"  id TEXT NOT NULL UNIQUE CHECK (length(id) = 16),"
	"  thread TEXT NOT NULL REFERENCES local_thread (id),"
	"  idem_key TEXT UNIQUE CHECK (idem_key <> '')," /* NULL: the patient wrote it */
	"  author TEXT NOT NULL,"
	"  author_name TEXT NOT NULL," /* ours, from the directory; a patient's own name is not kept here */
	"  notification INTEGER NOT NULL CHECK (notification IN (0, 1)),"
	"  at_ms INTEGER NOT NULL,"
	"  acked_ms INTEGER NOT NULL DEFAULT 0,"
	"  data_key BLOB NOT NULL,"
	"  sealed BLOB NOT NULL"
	") STRICT",
	"CREATE INDEX local_post_thread ON local_post (thread, seq)",
	"CREATE INDEX local_post_waiting ON local_post (seq) WHERE idem_key IS NULL AND acked_ms = 0",
	NULL,
};

const struct migration migrate_002 = { 2, sql };
