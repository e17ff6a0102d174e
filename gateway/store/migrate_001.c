/* The ledger. Every state is a CHECK, every "once" a UNIQUE key, history and decisions cannot be rewritten. */
#include "store/impl.h"

static const char *const sql[] = {
	/* Personal particulars are sealed; the tags find a row by portal key or record number. */
	"CREATE TABLE patient ("
	"  ref TEXT PRIMARY KEY NOT NULL CHECK (length(ref) = 16),"
	"  portal TEXT NOT NULL,"
	"  key_tag BLOB NOT NULL CHECK (length(key_tag) = 32),"
	"  mrn_tag BLOB CHECK (length(mrn_tag) = 32),"
	"  person BLOB NOT NULL,"
	"  made_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  UNIQUE (portal, key_tag)"
	") STRICT",
	"CREATE INDEX patient_key ON patient (key_tag)",
	"CREATE INDEX patient_mrn ON patient (mrn_tag) WHERE mrn_tag IS NOT NULL",

	"CREATE TABLE thread ("
	"  ref TEXT PRIMARY KEY NOT NULL CHECK (length(ref) = 8),"
	"  patient TEXT NOT NULL REFERENCES patient (ref),"
	"  portal TEXT NOT NULL,"
	"  portal_key TEXT NOT NULL,"
	"  addressee TEXT NOT NULL,"
	"  open INTEGER NOT NULL CHECK (open IN (0, 1)),"
	"  patient_only INTEGER NOT NULL CHECK (patient_only IN (0, 1)),"
	"  opened_ms INTEGER NOT NULL,"
	"  closed_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT",
	"CREATE UNIQUE INDEX thread_portal ON thread (portal, portal_key) WHERE portal_key <> ''",
	"CREATE INDEX thread_patient ON thread (patient)",

	"CREATE TABLE message ("
	"  seq INTEGER PRIMARY KEY,"
	"  ref TEXT NOT NULL UNIQUE CHECK (length(ref) = 16),"
	"  kind TEXT NOT NULL CHECK (kind IN ('human', 'notice', 'command', 'event')),"
	"  state TEXT NOT NULL CHECK (state IN ('in_flight', 'held', 'delivered', 'returned', 'recorded')),"
	"  thread TEXT REFERENCES thread (ref),"
	"  author TEXT NOT NULL CHECK (author <> ''),"
	"  source_key TEXT NOT NULL UNIQUE CHECK (source_key <> ''),"
	"  message_id TEXT NOT NULL,"
	"  in_reply_to TEXT REFERENCES message (ref),"
	"  owner TEXT NOT NULL CHECK (owner <> ''),"
	"  deadline_ms INTEGER NOT NULL CHECK (deadline_ms > 0 OR state NOT IN ('in_flight', 'held')),"
	"  received_ms INTEGER NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  note TEXT NOT NULL,"
	"  urgency TEXT NOT NULL,"
	"  categories TEXT NOT NULL,"
	"  not_screened INTEGER NOT NULL CHECK (not_screened IN (0, 1)),"
	"  data_key BLOB," /* wrapped; NULL once forgotten */
	"  forgotten_ms INTEGER NOT NULL DEFAULT 0,"
	"  CHECK ((data_key IS NULL) = (forgotten_ms > 0))"
	") STRICT",
	"CREATE INDEX message_thread ON message (thread, seq)",
	"CREATE INDEX message_state ON message (state, received_ms)",
	"CREATE INDEX message_id ON message (message_id) WHERE message_id <> ''",

	/* id is the message's number twice, plus one for the original: no index of its own to keep. */
	"CREATE TABLE blob ("
	"  id INTEGER PRIMARY KEY,"
	"  mseq INTEGER NOT NULL REFERENCES message (seq),"
	"  role TEXT NOT NULL CHECK (role IN ('content', 'original')),"
	"  size INTEGER NOT NULL," /* of the clear text */
	"  sealed BLOB NOT NULL,"
	"  CHECK (id = mseq * 2 + (role = 'original'))"
	") STRICT",

	/* thread is the message's: the order within a thread is asked for at every claim. due_ms says when
	 * the delivery may next be claimed: at its time, when its destination is rested, when a lease ends; never while
	 * the message is held. */
	"CREATE TABLE delivery ("
	"  seq INTEGER PRIMARY KEY,"
	"  ref TEXT NOT NULL UNIQUE CHECK (length(ref) = 16),"
	"  mseq INTEGER NOT NULL REFERENCES message (seq),"
	"  thread TEXT,"
	"  lane TEXT NOT NULL,"
	"  destination TEXT NOT NULL CHECK (destination <> ''),"
	"  idem_key TEXT NOT NULL UNIQUE CHECK (idem_key <> ''),"
	"  state TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'done', 'failed', 'unknown')),"
	"  ask INTEGER NOT NULL DEFAULT 0 CHECK (ask IN (0, 1))," /* claimed, and the far side may have it already */
	"  due_ms INTEGER NOT NULL,"
	"  lease_until_ms INTEGER NOT NULL DEFAULT 0,"
	"  not_before_ms INTEGER NOT NULL,"
	"  made_ms INTEGER NOT NULL,"
	"  ended_ms INTEGER NOT NULL DEFAULT 0,"
	"  tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),"
	"  remote_id TEXT NOT NULL DEFAULT '',"
	"  code TEXT NOT NULL DEFAULT '',"
	"  journal TEXT NOT NULL DEFAULT '',"
	"  CHECK ((state = 'claimed') = (lease_until_ms > 0)),"
	"  CHECK ((state IN ('done', 'failed')) = (ended_ms > 0))"
	") STRICT",
	"CREATE INDEX delivery_due ON delivery (lane, due_ms, seq) WHERE ended_ms = 0",
	"CREATE INDEX delivery_order ON delivery (thread, destination, mseq)"
	" WHERE ended_ms = 0 AND thread IS NOT NULL",
	"CREATE INDEX delivery_message ON delivery (mseq)",
	"CREATE INDEX delivery_remote ON delivery (remote_id) WHERE remote_id <> ''",

	"CREATE TABLE destination ("
	"  name TEXT PRIMARY KEY NOT NULL,"
	"  rests_until_ms INTEGER NOT NULL,"
	"  code TEXT NOT NULL"
	") STRICT",

	"CREATE TABLE history ("
	"  seq INTEGER PRIMARY KEY,"
	"  mseq INTEGER REFERENCES message (seq)," /* NULL: concerns no message */
	"  at_ms INTEGER NOT NULL,"
	"  event TEXT NOT NULL CHECK (event <> ''),"
	"  code TEXT NOT NULL,"
	"  actor TEXT NOT NULL,"
	"  size INTEGER NOT NULL,"
	"  took_ms INTEGER NOT NULL"
	") STRICT",
	"CREATE INDEX history_message ON history (mseq, seq)",
	"CREATE TRIGGER history_update BEFORE UPDATE ON history BEGIN SELECT raise(ABORT, 'append-only'); END",
	"CREATE TRIGGER history_delete BEFORE DELETE ON history BEGIN SELECT raise(ABORT, 'append-only'); END",

	"CREATE TABLE decision ("
	"  seq INTEGER PRIMARY KEY,"
	"  message TEXT REFERENCES message (ref)," /* NULL: refused, never in custody */
	"  reference TEXT NOT NULL,"
	"  direction TEXT NOT NULL, act TEXT NOT NULL, rule TEXT NOT NULL, class_name TEXT NOT NULL, whose TEXT NOT "
	"NULL,"
	"  agreement TEXT NOT NULL, policy_version TEXT NOT NULL, policy_hash TEXT NOT NULL, evidence TEXT NOT NULL,"
	"  at_ms INTEGER NOT NULL"
	") STRICT",
	"CREATE INDEX decision_message ON decision (message) WHERE message IS NOT NULL",
	"CREATE INDEX decision_reference ON decision (reference) WHERE reference <> ''",
	"CREATE TRIGGER decision_update BEFORE UPDATE ON decision BEGIN SELECT raise(ABORT, 'append-only'); END",
	"CREATE TRIGGER decision_delete BEFORE DELETE ON decision BEGIN SELECT raise(ABORT, 'append-only'); END",

	"CREATE TABLE digest ("
	"  digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),"
	"  message TEXT NOT NULL,"
	"  at_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE hold ("
	"  ref TEXT PRIMARY KEY NOT NULL CHECK (length(ref) = 16),"
	"  message TEXT NOT NULL REFERENCES message (ref),"
	"  clinician TEXT NOT NULL,"
	"  reason TEXT NOT NULL,"
	"  class_name TEXT NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  made_ms INTEGER NOT NULL,"
	"  deadline_ms INTEGER NOT NULL CHECK (deadline_ms > 0),"
	"  ended_ms INTEGER NOT NULL DEFAULT 0,"
	"  ended_by TEXT NOT NULL DEFAULT '',"
	"  reminders INTEGER NOT NULL DEFAULT 0,"
	"  CHECK ((ended_ms > 0) = (ended_by <> ''))"
	") STRICT",
	"CREATE INDEX hold_message ON hold (message)",
	"CREATE INDEX hold_open ON hold (deadline_ms) WHERE ended_ms = 0",

	"CREATE TABLE agreement ("
	"  seq INTEGER PRIMARY KEY,"
	"  id TEXT NOT NULL UNIQUE,"
	"  patient TEXT NOT NULL REFERENCES patient (ref),"
	"  scope TEXT NOT NULL CHECK (scope IN ('clinician', 'team', 'clinic')),"
	"  scope_id TEXT NOT NULL CHECK ((scope_id = '') = (scope = 'clinic')),"
	"  class_name TEXT NOT NULL CHECK (class_name <> ''),"
	"  value INTEGER NOT NULL CHECK (value BETWEEN 0 AND 3),"
	"  patient_consent INTEGER NOT NULL,"
	"  clinician_consent INTEGER NOT NULL,"
	"  said_by TEXT NOT NULL,"
	"  how TEXT NOT NULL,"
	"  made INTEGER NOT NULL,"
	"  expires INTEGER NOT NULL,"
	"  revoked INTEGER NOT NULL DEFAULT 0,"
	"  revoked_by TEXT NOT NULL DEFAULT '',"
	"  review_due INTEGER NOT NULL"
	") STRICT",
	"CREATE INDEX agreement_patient ON agreement (patient, scope, scope_id, class_name)",
	"CREATE TRIGGER agreement_delete BEFORE DELETE ON agreement BEGIN SELECT raise(ABORT, 'every version is "
	"kept'); END",

	"CREATE TABLE promise ("
	"  seq INTEGER PRIMARY KEY,"
	"  ref TEXT NOT NULL UNIQUE CHECK (length(ref) = 16),"
	"  thread TEXT NOT NULL REFERENCES thread (ref),"
	"  message TEXT REFERENCES message (ref),"
	"  category TEXT NOT NULL, urgency TEXT NOT NULL, addressee TEXT NOT NULL,"
	"  received_ms INTEGER NOT NULL,"
	"  due_ms INTEGER NOT NULL,"
	"  closed_ms INTEGER NOT NULL DEFAULT 0,"
	"  warn1_ms INTEGER NOT NULL, warn2_ms INTEGER NOT NULL,"
	"  warned INTEGER NOT NULL CHECK (warned BETWEEN 0 AND 3),"
	"  state TEXT NOT NULL CHECK (state IN ('open', 'kept', 'broken', 'void')),"
	"  by_cover INTEGER NOT NULL, provisional INTEGER NOT NULL,"
	"  CHECK ((state = 'open') = (closed_ms = 0))"
	") STRICT",
	"CREATE INDEX promise_thread ON promise (thread)",
	"CREATE INDEX promise_open ON promise (due_ms) WHERE closed_ms = 0",

	"CREATE TABLE incident ("
	"  ref TEXT PRIMARY KEY NOT NULL,"
	"  cause TEXT NOT NULL,"
	"  kind TEXT NOT NULL, severity TEXT NOT NULL, owner TEXT NOT NULL CHECK (owner <> ''),"
	"  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, closed_ms INTEGER NOT NULL DEFAULT 0,"
	"  count INTEGER NOT NULL"
	") STRICT",
	"CREATE UNIQUE INDEX incident_open ON incident (cause) WHERE closed_ms = 0",

	"CREATE TABLE fact ("
	"  name TEXT PRIMARY KEY NOT NULL,"
	"  value TEXT NOT NULL"
	") STRICT",
	NULL,
};

const struct migration migrate_001 = { 1, sql };
