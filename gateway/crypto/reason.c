#include "crypto/reason.h"

#include "base/own.h"

#include <string.h>

const char *
reason_name(enum reason r)
{
	static const char *const name[] = {
#define X(id, s, outcome) [id] = s,
		REASONS(X)
#undef X
		    [R_NONE] = "none",
	};

	return name[r];
}

enum open_outcome
reason_outcome(enum reason r)
{
	static const enum open_outcome outcome[] = {
#define X(id, s, o) [id] = o,
		REASONS(X)
#undef X
		    [R_NONE] = OPEN_HOLD,
	};

	return outcome[r];
}

enum reason
reason_of_code(const char *code)
{
	static const struct {
		const char *code;
		enum reason reason;
	} table[] = {
		{ "identity.from-count", R_FROM_COUNT },
		{ "identity.from-syntax", R_FROM_SYNTAX },
		{ "mime.ambiguous", R_MIME_AMBIGUOUS },
		{ "mime.boundary", R_MIME_BOUNDARY },
		{ "mime.encoding", R_MIME_ENCODING },
		{ "mime.nul", R_MIME_NUL },
		{ "cert.expired", R_CERT_EXPIRED },
		{ "cert.not-yet-valid", R_CERT_EARLY },
		{ "cert.untrusted", R_CERT_UNTRUSTED },
		{ "cert.revoked", R_CERT_REVOKED },
		{ "cert.revocation-unknown", R_CERT_UNKNOWN },
		{ "cert.key-too-small", R_WEAK_KEY },
		{ "cert.usage", R_CERT_USAGE },
		{ "cert.no-email", R_CERT_NO_EMAIL },
	};

	if (strncmp(code, "limit.", 6) == 0)
		return R_LIMIT;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].code, code) == 0)
			return table[i].reason;
	return R_MIME_AMBIGUOUS;
}

const char *
open_outcome_name(enum open_outcome o)
{
	switch (o) {
	case OPEN_VERIFIED:
		return "verified";
	case OPEN_ENCRYPTED_OK:
		return "encrypted-ok";
	case OPEN_UNVERIFIED:
		return "unverified";
	case OPEN_HOLD:
		break;
	case OPEN_REJECT:
		return "reject";
	}
	return "hold";
}
