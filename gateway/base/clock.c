#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t
real_now_ms(const struct clock *c)
{
	struct timespec ts;

	(void)c;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
fixed_now_ms(const struct clock *c)
{
	return c->fixed_ms;
}

static int64_t
shifted_now_ms(const struct clock *c)
{
	char text[32] = "";
	int fd = open(c->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return real_now_ms(c) + strtoll(text, NULL, 10) * 1000;
}

struct clock
clock_real(void)
{
	return (struct clock){ .now_ms = real_now_ms };
}

struct clock
clock_fixed(int64_t now_ms)
{
	return (struct clock){ .now_ms = fixed_now_ms, .fixed_ms = now_ms };
}

struct clock
clock_shifted(const char *path)
{
	return (struct clock){ .now_ms = shifted_now_ms, .path = path };
}

struct clock
clock_from_env(void)
{
	const char *path = secure_getenv("PORTICO_CLOCK_FILE");

	return path != NULL && *path != '\0' ? clock_shifted(path) : clock_real();
}

/* Howard Hinnant's days_from_civil and its inverse: eras of 400 years, years that begin in March. */
int64_t
days_from_civil(int y, int m, int d)
{
	int64_t yy = (int64_t)y - (m <= 2);
	int64_t era = (yy >= 0 ? yy : yy - 399) / 400;
	int64_t yoe = yy - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void
civil_from_days(int64_t days, int *y, int *m, int *d)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

char *
time_rfc3339(int64_t seconds, char *buf, size_t n)
{
	int64_t days = floor_div(seconds, 86400);
	int64_t rest = seconds - days * 86400;
	int y, m, d;

	civil_from_days(days, &y, &m, &d);
	snprintf(buf, n, "%04d-%02d-%02dT%02d:%02d:%02dZ", y, m, d, (int)(rest / 3600), (int)(rest / 60 % 60),
	    (int)(rest % 60));
	return buf;
}

char *
time_rfc5322(int64_t seconds, char *buf, size_t n)
{
	static const char *const dow[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
	static const char *const mon[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
		"Dec" };
	int64_t days = floor_div(seconds, 86400);
	int64_t rest = seconds - days * 86400;
	int y, m, d;

	civil_from_days(days, &y, &m, &d);
	snprintf(buf, n, "%s, %02d %s %04d %02d:%02d:%02d +0000", dow[((days % 7) + 7) % 7], d, mon[m - 1], y,
	    (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
	return buf;
}

static int
days_in_month(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
}

enum status
time_parse_rfc3339(const char *s, int64_t *ret, struct err *err)
{
	int y, mo, d, h, mi, sec, used = 0, oh = 0, om = 0;
	int64_t offset = 0;
	const char *p;

	if (strlen(s) < 20 || sscanf(s, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &used) != 6 ||
	    used != 19)
		goto bad;
	if (mo < 1 || mo > 12 || d < 1 || d > days_in_month(y, mo) || h < 0 || h > 23 || mi < 0 || mi > 59 || sec < 0 ||
	    sec > 60)
		goto bad;
	p = s + used;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++) { /* parts of a second are dropped */
		}
	if (*p == 'Z' || *p == 'z') {
		p++;
	} else if (*p == '+' || *p == '-') {
		int n = 0;

		if (sscanf(p + 1, "%2d:%2d%n", &oh, &om, &n) != 2 || n != 5 || oh > 23 || om > 59)
			goto bad;
		offset = (*p == '-' ? -1 : 1) * (int64_t)(oh * 3600 + om * 60);
		p += 1 + n;
	} else {
		goto bad;
	}
	if (*p != '\0')
		goto bad;
	*ret = days_from_civil(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec - offset;
	return ST_OK;
bad:
	return err_set(err, ST_MSG_REFUSED, "time.format", "not an RFC 3339 time such as 2026-03-04T17:00:00-05:00");
}

int64_t
monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
