#include "mailbox/imap_parse.h"

#include <libetpan/libetpan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct imap_parser {
	mailimap *m;
	struct buf text; /* what the library may read */
	size_t pos;
};

/* The library's stream: bytes from memory. Its literal reader takes 0 for "try again", so the end is an error. */
static ssize_t
memory_read(mailstream_low *low, void *p, size_t n)
{
	struct imap_parser *ip = low->data;
	size_t left = ip->text.n - ip->pos;

	if (left == 0)
		return -1;
	if (n > left)
		n = left;
	memcpy(p, ip->text.p + ip->pos, n);
	ip->pos += n;
	return (ssize_t)n;
}

static ssize_t
memory_write(mailstream_low *low, const void *p, size_t n)
{
	(void)low, (void)p, (void)n;
	return -1; /* only imap_session speaks */
}

static int
memory_close(mailstream_low *low)
{
	(void)low;
	return 0;
}

static int
memory_fd(mailstream_low *low)
{
	(void)low;
	return -1;
}

static void
memory_free(mailstream_low *low)
{
	free(low);
}

static void
memory_cancel(mailstream_low *low)
{
	(void)low;
}

static mailstream_low_driver memory_driver = {
	.mailstream_read = memory_read,
	.mailstream_write = memory_write,
	.mailstream_close = memory_close,
	.mailstream_get_fd = memory_fd,
	.mailstream_free = memory_free,
	.mailstream_cancel = memory_cancel,
};

static void *
checked(void *p)
{
	if (p == NULL)
		abort(); /* out of memory, as in xmalloc() */
	return p;
}

struct imap_parser *
imap_parser_new(void)
{
	struct imap_parser *ip = xcalloc(1, sizeof *ip);
	mailstream_low *low;
	mailstream *stream;

	buf_puts(&ip->text, "* OK ready\r\n");
	ip->m = checked(mailimap_new(0, NULL));
	low = checked(mailstream_low_new(ip, &memory_driver));
	stream = checked(mailstream_new(low, 8192));
	if (mailimap_connect(ip->m, stream) != MAILIMAP_NO_ERROR_NON_AUTHENTICATED)
		abort(); /* our own greeting */
	return ip;
}

void
imap_parser_free(struct imap_parser *ip)
{
	if (ip == NULL)
		return;
	/* mailimap_free() would say LOGOUT on an open stream, and wait. */
	if (ip->m->imap_stream != NULL)
		mailstream_close(ip->m->imap_stream);
	ip->m->imap_stream = NULL;
	mailimap_free(ip->m);
	buf_wipe(&ip->text);
	free(ip);
}

static enum status
refuse(struct err *err)
{
	return err_set(err, ST_REMOTE_DOWN, "imap.answer", "the server's answer was refused: not in IMAP's grammar");
}

/* Reads one answer into m->imap_response_info. */
static enum status
parse(struct imap_parser *ip, struct slice answer, struct err *err)
{
	struct mailimap_response *r = NULL;

	buf_clear(&ip->text);
	ip->pos = 0;
	ip->m->imap_tag = 1;
	buf_append(&ip->text, answer.p, answer.n);
	buf_puts(&ip->text, "1 OK read\r\n");
	if (mailimap_read_line(ip->m) == NULL || mailimap_parse_response(ip->m, &r) != MAILIMAP_NO_ERROR)
		return refuse(err);
	mailimap_response_free(r);
	if (ip->pos != ip->text.n || ip->m->imap_stream->read_buffer_len != 0)
		return refuse(err);
	return ST_OK;
}

static void
read_item(const struct mailimap_msg_att_item *item, struct imap_fetched *f)
{
	const struct mailimap_msg_att_static *s = item->att_data.att_static;

	if (item->att_type != MAILIMAP_MSG_ATT_ITEM_STATIC || s == NULL)
		return;
	if (s->att_type == MAILIMAP_MSG_ATT_UID)
		f->uid = s->att_data.att_uid;
	if (s->att_type == MAILIMAP_MSG_ATT_BODY_SECTION && s->att_data.att_body_section != NULL &&
	    s->att_data.att_body_section->sec_body_part != NULL)
		f->header = (struct slice){ s->att_data.att_body_section->sec_body_part,
			s->att_data.att_body_section->sec_length };
}

enum status
imap_parse_fetch(struct imap_parser *ip, struct slice answer, struct imap_fetched *ret, struct err *err)
{
	struct imap_fetched f = { 0 };
	const clist *all;

	TRY(parse(ip, answer, err));
	all = ip->m->imap_response_info->rsp_fetch_list;
	for (const clistcell *c = all != NULL ? clist_begin(all) : NULL; c != NULL; c = clist_next(c)) {
		const struct mailimap_msg_att *att = clist_content(c);

		for (const clistcell *i = clist_begin(att->att_list); i != NULL; i = clist_next(i))
			read_item(clist_content(i), &f);
	}
	*ret = f;
	return ST_OK;
}

enum status
imap_parse_status(struct imap_parser *ip, struct slice answer, struct imap_counts *ret, struct err *err)
{
	const struct mailimap_mailbox_data_status *st;
	struct imap_counts n = { 0 };

	TRY(parse(ip, answer, err));
	st = ip->m->imap_response_info->rsp_status;
	if (st == NULL)
		return refuse(err);
	for (const clistcell *c = st->st_info_list != NULL ? clist_begin(st->st_info_list) : NULL; c != NULL;
	     c = clist_next(c)) {
		const struct mailimap_status_info *i = clist_content(c);

		if (i->st_att == MAILIMAP_STATUS_ATT_MESSAGES)
			n.messages = i->st_value;
		if (i->st_att == MAILIMAP_STATUS_ATT_UIDNEXT)
			n.uidnext = i->st_value;
		if (i->st_att == MAILIMAP_STATUS_ATT_UIDVALIDITY)
			n.uidvalidity = i->st_value;
	}
	*ret = n;
	return ST_OK;
}

enum status
imap_parse_list(struct imap_parser *ip, struct slice answer, char *ret_delimiter, struct err *err)
{
	const clist *all;

	TRY(parse(ip, answer, err));
	all = ip->m->imap_response_info->rsp_mailbox_list;
	if (all == NULL || clist_begin(all) == NULL)
		return refuse(err);
	*ret_delimiter = ((const struct mailimap_mailbox_list *)clist_content(clist_begin(all)))->mb_delimiter;
	return ST_OK;
}
