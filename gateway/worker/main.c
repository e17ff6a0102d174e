/* portico-worker -- opens mail for portico-milter and portico-bridge, which start it; its socket is descriptor 0. */
#include "base/sandbox.h"
#include "crypto/worker.h"
#include "mail/gmime.h"

#include <iconv.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define MEMORY ((size_t)1536 * 1024 * 1024)
#define DESCRIPTORS 3

/* glibc loads a character set from a file when it is first used: now or never. What is not here is unknown charset to
 * a worker, which is what a mail gets that names one nobody knows. */
static const char *const charsets[] = { "ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-5",
	"ISO-8859-6", "ISO-8859-7", "ISO-8859-8", "ISO-8859-9", "ISO-8859-10", "ISO-8859-11", "ISO-8859-13",
	"ISO-8859-14", "ISO-8859-15", "ISO-8859-16", "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1253",
	"WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256", "WINDOWS-1257", "WINDOWS-1258", "WINDOWS-874", "KOI8-R",
	"KOI8-U", "MACINTOSH", "CP437", "CP850", "CP852", "CP866", "TIS-620", "VISCII", "SHIFT_JIS", "CP932", "EUC-JP",
	"ISO-2022-JP", "GB2312", "GBK", "GB18030", "HZ", "BIG5", "BIG5-HKSCS", "EUC-TW", "EUC-KR", "UHC", "ISO-2022-KR",
	"JOHAB", "UTF-7", "UTF-16", "UTF-32", "ARMSCII-8", "GEORGIAN-PS" };

static void
load_charsets(void)
{
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++) {
		iconv_t cd = iconv_open("UTF-8", charsets[i]); /* kept: what is closed is unloaded */

		(void)cd;
	}
}

int
main(void)
{
	struct err err = ERR_NONE;
	int type;
	socklen_t n = sizeof type;

	if (getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &n) != 0) {
		fputs("portico-worker is started by portico-milter and portico-bridge; there is nothing to run here\n",
		    stderr);
		return EX_USAGE;
	}
	sandbox_quiet();
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	gmime_ready();
	load_charsets();
	tzset();
	if (sandbox_limits(MEMORY, DESCRIPTORS, &err) != ST_OK || sandbox_enter(SANDBOX_WORKER, &err) != ST_OK)
		return EX_OSERR;
	/* No clean-up of libraries: what ends here is memory. */
	_exit(worker_serve(0));
}
