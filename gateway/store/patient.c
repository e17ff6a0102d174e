#include "base/hash.h"
#include "store/impl.h"

#include <string.h>

/* The particulars of a person are one sealed blob: fields in this order, each ended by a NUL. */
#define FIELDS 11
static const char **
field(struct patient *p, size_t i)
{
	const char **all[FIELDS] = { &p->portal_key, &p->mrn, &p->given, &p->family, &p->birth_date, &p->zone,
		&p->language, &p->jurisdiction, &p->known_problems, &p->proxies, &p->portal };

	return all[i];
}

static void
seal_person(struct tx *tx, const char *ref, const struct patient *p, struct buf *ret)
{
	AUTO_BUF clear = BUF_INIT;
	struct patient copy = *p;

	for (size_t i = 0; i < FIELDS; i++) {
		const char *s = *field(&copy, i);

		buf_append(&clear, s != NULL ? s : "", s != NULL ? strlen(s) + 1 : 1);
	}
	blob_seal(tx->keys->person, ref, "person", buf_slice(&clear), ret);
}

/* The row's columns are ref, portal, person. */
static enum status
open_person(struct tx *tx, struct query *q, struct arena *a, struct patient *ret, struct err *err)
{
	AUTO_BUF clear = BUF_INIT;
	struct patient p = { .ref = query_text(q, 0, a) };
	size_t at = 0;

	TRY(blob_open(tx->keys->person, p.ref, "person", query_blob(q, 2), &clear, err));
	for (size_t i = 0; i < FIELDS; i++) {
		size_t len = at < clear.n ? strnlen(clear.p + at, clear.n - at) : 0;

		*field(&p, i) = arena_strndup(a, at < clear.n ? clear.p + at : "", len);
		at += len + 1;
	}
	p.portal = query_text(q, 1, a);
	*ret = p;
	return ST_OK;
}

/* Portal keys are compared byte by byte: a FHIR id tells cases apart. Record numbers are typed by people: letter case
 * and blanks do not make another one. */
static void
key_tag_of(struct tx *tx, const char *portal_key, uint8_t ret[KEY_SIZE])
{
	index_tag(tx, "patient.key", portal_key, ret);
}

static void
mrn_tag_of(struct tx *tx, const char *mrn, uint8_t ret[KEY_SIZE])
{
	AUTO_BUF b = BUF_INIT;

	for (; mrn != NULL && *mrn != '\0'; mrn++)
		if (*mrn != ' ')
			buf_putc(&b, *mrn >= 'A' && *mrn <= 'Z' ? (char)(*mrn + 32) : *mrn);
	index_tag(tx, "patient.mrn", buf_str(&b), ret);
}

enum status
patient_put(struct tx *tx, const struct patient *p, char ret_ref[REF_LEN + 1], struct err *err)
{
	AUTO_QUERY q = { 0 };
	AUTO_BUF person = BUF_INIT;
	uint8_t key_tag[KEY_SIZE], mrn_tag[KEY_SIZE];
	char ref[REF_LEN + 1] = "";
	bool has_mrn = p->mrn != NULL && *p->mrn != '\0';
	struct bind mrn = { BIND_NULL, NULL, 0 };

	TRY(need_keys(tx, err));
	if (p->portal == NULL || *p->portal == '\0' || p->portal_key == NULL || *p->portal_key == '\0')
		return err_set(err, ST_MSG_REFUSED, "patient.key", "a patient needs a portal and a name there");
	key_tag_of(tx, p->portal_key, key_tag);
	mrn_tag_of(tx, p->mrn, mrn_tag);
	if (has_mrn)
		mrn = b_blob(mrn_tag, sizeof mrn_tag);
	TRY(SQL_QUERY(&q, tx, err, "SELECT ref FROM patient WHERE portal = ? AND key_tag = ?", b_text(p->portal),
	    b_blob(key_tag, sizeof key_tag)));
	if (query_next(&q))
		query_copy(&q, 0, ref, sizeof ref);
	TRY(query_end(&q, err));
	if (ref[0] == '\0') {
		random_ref(ref, REF_LEN);
		seal_person(tx, ref, p, &person);
		TRY(SQL_RUN(tx, NULL, err,
		    "INSERT INTO patient (ref, portal, key_tag, mrn_tag, person, made_ms, changed_ms)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
		    b_text(ref), b_text(p->portal), b_blob(key_tag, sizeof key_tag), mrn, b_blob(person.p, person.n),
		    b_int(tx->now_ms)));
	} else {
		seal_person(tx, ref, p, &person);
		TRY(SQL_RUN(tx, NULL, err,
		    "UPDATE patient SET mrn_tag = ?2, person = ?3, changed_ms = ?4 WHERE ref = ?1", b_text(ref), mrn,
		    b_blob(person.p, person.n), b_int(tx->now_ms)));
	}
	memcpy(ret_ref, ref, sizeof ref);
	return ST_OK;
}

enum status
patient_get(struct tx *tx, const char *which, struct arena *a, struct patient **ret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	uint8_t key_tag[KEY_SIZE], mrn_tag[KEY_SIZE];
	struct patient *p = NULL;
	size_t n = 0;

	TRY(need_keys(tx, err));
	key_tag_of(tx, which, key_tag);
	mrn_tag_of(tx, which, mrn_tag);
	TRY(SQL_QUERY(&q, tx, err,
	    "SELECT ref, portal, person FROM patient WHERE ref = ?1 OR key_tag = ?2 OR mrn_tag = ?3", b_text(which),
	    b_blob(key_tag, sizeof key_tag), b_blob(mrn_tag, sizeof mrn_tag)));
	for (; query_next(&q); n++) {
		if (n > 0)
			return err_set(err, ST_MSG_REFUSED, "patient.several",
			    "several patients match: use our reference, see portico patient list");
		p = ARENA_NEW(a, struct patient);
		TRY(open_person(tx, &q, a, p, err));
	}
	TRY(query_end(&q, err));
	*ret = p;
	return ST_OK;
}

enum status
patient_list(struct tx *tx, struct arena *a, struct patient **ret, size_t *nret, struct err *err)
{
	AUTO_QUERY q = { 0 };
	struct patient *list = NULL;
	size_t n = 0;

	TRY(need_keys(tx, err));
	TRY(SQL_QUERY(&q, tx, err, "SELECT ref, portal, person FROM patient ORDER BY made_ms, ref", B_NONE));
	while (query_next(&q)) {
		struct patient p;

		TRY(open_person(tx, &q, a, &p, err));
		LIST_PUSH(a, list, n, p);
	}
	TRY(query_end(&q, err));
	*ret = list;
	*nret = n;
	return ST_OK;
}

enum status
patient_by_key(
    struct tx *tx, const char *prefer_portal, const char *portal_key, char ret_ref[REF_LEN + 1], struct err *err)
{
	AUTO_QUERY q = { 0 };
	uint8_t key_tag[KEY_SIZE];
	char ref[REF_LEN + 1] = "";
	int64_t preferred = 0;

	TRY(need_keys(tx, err));
	key_tag_of(tx, portal_key, key_tag);
	TRY(SQL_QUERY(&q, tx, err, "SELECT ref, portal = ?2 FROM patient WHERE key_tag = ?1 ORDER BY portal = ?2 DESC",
	    b_blob(key_tag, sizeof key_tag), b_text(prefer_portal)));
	for (int n = 0; query_next(&q); n++) {
		if (n > 0 && preferred == 0)
			return err_set(
			    err, ST_MSG_REFUSED, "patient.several", "patients of several portals have this name");
		if (n == 0) {
			query_copy(&q, 0, ref, sizeof ref);
			preferred = query_int(&q, 1);
		}
	}
	TRY(query_end(&q, err));
	memcpy(ret_ref, ref, sizeof ref);
	return ST_OK;
}
