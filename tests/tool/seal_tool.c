/*
 * seal_tool -- our sealing by hand, for the interoperability tests.
 *
 *   seal_tool people DIR DAYS-AGO       an authority in DIR/ca; the gateway's keys in DIR/keys (gw-rsa, gw-ec) and a
 *                                       clinician's beside (lee-rsa, lee-ec: .key, .crt, .p12, -legacy.p12; password x)
 *   seal_tool compose FROM TO SUBJECT TEXT-FILE INNER OUTER [FILE NAME TYPE]...
 *                                       writes the entity to protect and the outer header fields
 *   seal_tool seal DIR SIGNER CERT OPTIONS INNER OUTER MAIL
 *                                       OPTIONS: cbc or gcm, then ",oaep" if wanted
 *   seal_tool client 7bit|8bit TEXT-FILE ENTITY [FILE NAME TYPE]...
 *                                       what a mail client on GMime would hand to S/MIME
 *   seal_tool tree FILE                 what GMime sees in an entity: a line "type charset bytes hash name" a leaf
 *
 * A failure prints "status code" on standard output and ends with 1.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/own.h"
#include "crypto/ca.h"
#include "crypto/seal.h"
#include "mail/compose.h"
#include "mail/gmime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX (128u << 20)
#define DAY INT64_C(86400)
#define PASSWORD "x"

static enum status
write_file(const char *dir, const char *id, const char *suffix, struct slice s, struct err *err)
{
	AUTO_STR path = xasprintf("%s/%s%s", dir, id, suffix);

	return file_write(path, s.p, s.n, 0600, false, err);
}

static enum status
person(const char *ca, const char *dir, const struct ca_subject *who, const char *id, bool p12, struct err *err)
{
	AUTO_BUF key = BUF_INIT, chain = BUF_INIT;

	TRY(ca_issue(ca, who, &key, &chain, err));
	TRY(write_file(dir, id, ".key", buf_slice(&key), err));
	TRY(write_file(dir, id, ".crt", buf_slice(&chain), err));
	for (int legacy = 0; p12 && legacy < 2; legacy++) {
		AUTO_BUF out = BUF_INIT;

		TRY(ca_pkcs12(ca, buf_slice(&key), buf_slice(&chain), who->name, PASSWORD, legacy != 0, &out, err));
		TRY(write_file(dir, id, legacy != 0 ? "-legacy.p12" : ".p12", buf_slice(&out), err));
	}
	return ST_OK;
}

static enum status
people(const char *dir, const char *days_ago, struct err *err)
{
	static const struct {
		const char *id, *name, *email;
		bool ec, gateway;
	} rows[] = {
		{ "gw-rsa", "Test clinic", "portal@clinic.example", false, true },
		{ "gw-ec", "Test clinic", "portal@clinic.example", true, true },
		{ "lee-rsa", "Dr. Jordan Lee", "lee@clinic.example", false, false },
		{ "lee-ec", "Dr. Jordan Lee", "lee@clinic.example", true, false },
	};
	int64_t from = time(NULL) - strtol(days_ago, NULL, 10) * DAY;
	AUTO_STR ca = xasprintf("%s/ca", dir);
	AUTO_STR keys = xasprintf("%s/keys", dir);

	TRY(ca_init(ca, "Test clinic", from, err));
	TRY(keys_init(keys, err));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ca_subject who = { rows[i].name, rows[i].email, rows[i].ec, from, 365 };

		TRY(person(ca, rows[i].gateway ? keys : dir, &who, rows[i].id, !rows[i].gateway, err));
	}
	return ST_OK;
}

static enum status
compose(char **arg, int n, struct err *err)
{
	AUTO_BUF text = BUF_INIT, inner = BUF_INIT, outer = BUF_INIT;
	AUTO(content) content = NULL;
	struct compose c = { .from_name = "Test clinic",
		.from = arg[0],
		.to = arg[1],
		.outer_subject = "Portal message [P-7K3QXM]",
		.subject = arg[2],
		.message_id = "p1.hp-7k3qxm.interop@clinic.example",
		.date = time(NULL),
		.block = "Patient: J\xc3\xbcrgen \xc3\x9f. \xe6\x9d\x8e",
		.thread = "P-7K3QXM",
		.footer = "Questions: 555-0100",
		.token = "interop" };

	TRY(file_read(arg[3], FILE_MAX, &text, err));
	content = content_new(arg[2], buf_str(&text));
	for (int i = 6; i + 2 < n; i += 3) {
		AUTO_BUF data = BUF_INIT;

		TRY(file_read(arg[i], FILE_MAX, &data, err));
		content_add(content, arg[i + 1], arg[i + 2], data.p, data.n);
	}
	c.content = content;
	TRY(compose_inner(&c, &inner, err));
	TRY(compose_outer(&c, &outer, err));
	TRY(file_write(arg[4], inner.p, inner.n, 0600, false, err));
	return file_write(arg[5], outer.p, outer.n, 0600, false, err);
}

static enum status
seal(char **arg, struct err *err)
{
	AUTO_STR dir = xasprintf("%s/keys", arg[0]);
	AUTO_STR root = xasprintf("%s/ca/root.crt", arg[0]);
	const char *anchor = root;
	AUTO(keys) keys = NULL;
	AUTO(trust) trust = NULL;
	AUTO_BUF inner = BUF_INIT, outer = BUF_INIT, mail = BUF_INIT;
	struct cert **chain = NULL;
	struct seal s = { .signer = arg[1],
		.gcm = strncmp(arg[3], "gcm", 3) == 0,
		.oaep = strstr(arg[3], ",oaep") != NULL,
		.now = time(NULL) };
	size_t nchain = 0;
	enum status st;

	TRY(keys_load(dir, &keys, err));
	TRY(trust_from_files(&anchor, 1, 2048, &trust, err));
	TRY(file_read(arg[4], FILE_MAX, &inner, err));
	TRY(file_read(arg[5], FILE_MAX, &outer, err));
	TRY(certs_from_file(arg[2], &chain, &nchain, err));
	s.inner = buf_slice(&inner);
	s.outer = buf_slice(&outer);
	s.recipient = chain[0];
	s.extra = chain + 1;
	s.nextra = nchain - 1;
	st = seal_mail(keys, trust, &s, &mail, err);
	certs_free(chain, nchain);
	return st == ST_OK ? file_write(arg[6], mail.p, mail.n, 0600, false, err) : st;
}

/* As a mail client on GMime writes it: the shortest encoding for what a 7-bit or an 8-bit way takes. */
static GMimeObject *
client_leaf(const char *type, const char *name, struct slice data, GMimeEncodingConstraint way)
{
	const char *slash = strchr(type, '/');
	AUTO_STR major = xstrndup(type, (size_t)(slash - type));
	GMimePart *part = g_mime_part_new_with_type(major, slash + 1);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data.p, data.n);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_part_set_content(part, content);
	gmime_unref(content);
	gmime_unref(stream);
	if (name != NULL) {
		g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
		g_mime_part_set_filename(part, name);
	} else {
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
	}
	g_mime_object_encode(GMIME_OBJECT(part), way);
	return GMIME_OBJECT(part);
}

static enum status
client(char **arg, int n, struct err *err)
{
	bool clean = strcmp(arg[0], "8bit") == 0;
	GMimeEncodingConstraint way = clean ? GMIME_ENCODING_CONSTRAINT_8BIT : GMIME_ENCODING_CONSTRAINT_7BIT;
	GMimeMultipart *mixed;
	GMimeFormatOptions *format;
	AUTO_BUF text = BUF_INIT;
	GMimeObject *part;
	char *out;
	enum status st;

	TRY(file_read(arg[1], FILE_MAX, &text, err));
	gmime_ready();
	mixed = g_mime_multipart_new_with_subtype("mixed");
	part = client_leaf("text/plain", NULL, buf_slice(&text), way);
	g_mime_multipart_add(mixed, part);
	gmime_unref(part);
	for (int i = 3; i + 2 < n; i += 3) {
		AUTO_BUF data = BUF_INIT;

		TRY(file_read(arg[i], FILE_MAX, &data, err));
		part = client_leaf(arg[i + 2], arg[i + 1], buf_slice(&data), way);
		g_mime_multipart_add(mixed, part);
		gmime_unref(part);
	}
	format = g_mime_format_options_new();
	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	out = g_mime_object_to_string(GMIME_OBJECT(mixed), format);
	st = file_write(arg[2], out, strlen(out), 0600, false, err);
	g_free(out);
	g_mime_format_options_free(format);
	gmime_unref(mixed);
	return st;
}

static void
show_leaf(GMimeObject *parent, GMimeObject *part, void *unused)
{
	GMimeContentType *type = g_mime_object_get_content_type(part);
	const char *charset = g_mime_content_type_get_parameter(type, "charset");
	const char *name;
	GMimeStream *out;
	GByteArray *bytes;
	uint8_t digest[32];

	(void)parent;
	(void)unused;
	if (!GMIME_IS_PART(part))
		return;
	name = g_mime_part_get_filename(GMIME_PART(part));
	out = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), out);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out));
	sha256(bytes->data, bytes->len, digest);
	printf("%s/%s %s %u ", g_mime_content_type_get_media_type(type), g_mime_content_type_get_media_subtype(type),
	    charset != NULL ? charset : "-", bytes->len);
	for (size_t i = 0; i < sizeof digest; i++)
		printf("%02x", digest[i]);
	printf(" %s\n", name != NULL ? name : "-");
	gmime_unref(out);
}

static enum status
tree(const char *path, struct err *err)
{
	AUTO_BUF in = BUF_INIT;
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *mail;

	TRY(file_read(path, FILE_MAX, &in, err));
	gmime_ready();
	stream = g_mime_stream_mem_new_with_buffer(in.p, in.n);
	parser = g_mime_parser_new_with_stream(stream);
	mail = g_mime_parser_construct_message(parser, NULL);
	gmime_unref(stream);
	gmime_unref(parser);
	if (mail == NULL)
		return err_set(err, ST_MSG_REFUSED, "tree.parse", "GMime cannot read this");
	printf("subject %s\n", g_mime_message_get_subject(mail));
	g_mime_message_foreach(mail, show_leaf, NULL);
	gmime_unref(mail);
	return ST_OK;
}

int
main(int argc, char **argv)
{
	struct err err = ERR_NONE;
	enum status st;

	if (argc == 4 && strcmp(argv[1], "people") == 0)
		st = people(argv[2], argv[3], &err);
	else if (argc >= 8 && strcmp(argv[1], "compose") == 0)
		st = compose(argv + 2, argc - 2, &err);
	else if (argc == 9 && strcmp(argv[1], "seal") == 0)
		st = seal(argv + 2, &err);
	else if (argc >= 5 && strcmp(argv[1], "client") == 0)
		st = client(argv + 2, argc - 2, &err);
	else if (argc == 3 && strcmp(argv[1], "tree") == 0)
		st = tree(argv[2], &err);
	else
		return 64;
	if (st == ST_OK)
		return 0;
	printf("%s %s\n", status_name(st), err.code);
	fprintf(stderr, "%s:%d: %s\n", err.file, err.line, err.text);
	return 1;
}
