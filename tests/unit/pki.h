/*
 * pki -- a throw-away authority for tests: made at the first call, in a directory of its own, removed at exit.
 */
#ifndef TEST_PKI_H
#define TEST_PKI_H

#include "base/buf.h"
#include "crypto/ca.h"
#include "crypto/keys.h"

#define PKI_NOW pki_now()
int64_t pki_now(void); /* when the test began: other programs sign with the real time */
#define PKI_DAY INT64_C(86400)

const char *pki_dir(void);				      /* everything below is in here */
const char *pki_path(const char *fmt, ...) PRINTF_LIKE(1, 2); /* in the directory; eight live at a time */

/* <id>.key and <id>.crt by ca_issue(), valid around PKI_NOW. */
void pki_person(const char *id, const char *email, bool ec);

/* What an honest authority would not issue, or ours does not. Fields left zero: RSA-2048, SHA-256, valid around
 * PKI_NOW, both usages, emailProtection, issued by our intermediate. */
struct pki_odd {
	const char *id;
	const char *email; /* rfc822Name; email_n bytes of it when email_n is set */
	size_t email_n;
	const char *more_email; /* %d is replaced: more_n further names */
	int more_n;
	bool dns_only;	     /* a dNSName instead of the rfc822Name */
	int64_t from, until; /* seconds from PKI_NOW */
	int rsa_bits;
	const char *curve; /* "P-256", "P-384", "P-521" */
	bool ed25519;
	const char *usage, *ext_usage; /* "" for none */
	const char *md;		       /* of the issuer's signature */
	bool self_signed;
	const char *issuer; /* id of another certificate made here */
	bool ca;
	const char *constraints; /* name constraints */
	uint64_t serial;	 /* 0: random */
};
void pki_odd(const struct pki_odd *);
/* A list of the intermediate that revokes the certificate of id, as <name>.crl. */
void pki_revoke(const char *id, const char *name, int64_t from, int64_t until);

struct keys *pki_keys(void);	       /* all pairs in the directory; own */
struct trust *pki_trust(void);	       /* the root; own */
struct cert *pki_cert(const char *id); /* the leaf; own */

void pki_write(const char *name, struct slice);
void pki_read(const char *name, struct buf *ret);
/* A shell command in the directory; its exit code. Output goes to <dir>/log. */
int pki_run(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
