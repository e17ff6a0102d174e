#include "base/clock.h"
#include "conf/response.h"

#include <string.h>

static bool
digits(const char *s, size_t n, int *ret)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*ret = v;
	return true;
}

bool
clock_text_parse(const char *s, int32_t *ret)
{
	size_t n = strlen(s);
	size_t colon = n == 5 ? 2 : 1;
	int h, m;

	if ((n != 4 && n != 5) || s[colon] != ':' || !digits(s, colon, &h) || !digits(s + colon + 1, 2, &m))
		return false;
	if (m > 59 || h * 60 + m > 24 * 60)
		return false;
	*ret = h * 3600 + m * 60;
	return true;
}

bool
date_text_parse(const char *s, int32_t *ret)
{
	int y, m, d, y2, m2, d2;
	int64_t day;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-' || !digits(s, 4, &y) || !digits(s + 5, 2, &m) ||
	    !digits(s + 8, 2, &d) || y < 1900 || m < 1 || m > 12 || d < 1 || d > 31)
		return false;
	day = days_from_civil(y, m, d);
	civil_from_days(day, &y2, &m2, &d2);
	if (y2 != y || m2 != m || d2 != d) /* 30 February came back as another date */
		return false;
	*ret = (int32_t)day;
	return true;
}
