#include "base/clock.h"
#include "policies/calendar.h"
#include "policies/promise.h"

#include <string.h>

static const char *const days_en[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" };
static const char *const days_es[] = { "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo" };
static const char *const months_en[] = { "January", "February", "March", "April", "May", "June", "July", "August",
	"September", "October", "November", "December" };
static const char *const months_es[] = { "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
	"septiembre", "octubre", "noviembre", "diciembre" };

/* "EST" is a name people know; where the zone has none ("+11") its city and distance say it. */
static const char *
zone_words(struct arena *a, const struct zone *z, int64_t instant, bool spanish)
{
	struct zone_offset o = zone_at(z, instant);
	const char *slash = strrchr(zone_name(z), '/');
	int32_t s = o.seconds < 0 ? -o.seconds : o.seconds;
	char *city;

	if (o.abbrev[0] != '+' && o.abbrev[0] != '-' && o.abbrev[0] != '\0')
		return o.abbrev;
	city = arena_strdup(a, slash != NULL ? slash + 1 : zone_name(z));
	for (char *p = city; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	return arena_printf(a, spanish ? "hora de %s, UTC%c%d%s" : "%s time, UTC%c%d%s", city,
	    o.seconds < 0 ? '-' : '+', s / 3600, s % 3600 == 0 ? "" : arena_printf(a, ":%02d", s / 60 % 60));
}

char *
promise_words(struct arena *a, const struct response *r, int64_t instant, const char *zone, const char *language)
{
	bool spanish = language != NULL && strncmp(language, "es", 2) == 0;
	const struct zone *z = zone != NULL && *zone != '\0' ? zone_shared(zone, NULL) : NULL;
	int64_t day;
	int32_t second;
	int y, m, d, h, min;

	/* A patient's zone that does not exist is no reason to say nothing: the clinic's, and then UTC. */
	if (z == NULL && r != NULL && r->clinic != NULL)
		z = r->clinic->zone;
	if (z == NULL)
		z = zone_shared("UTC", NULL);
	if (z == NULL) {
		char text[32];

		return arena_strdup(a, time_rfc3339(instant, text, sizeof text));
	}
	zone_local(z, instant, &day, &second);
	civil_from_days(day, &y, &m, &d);
	h = second / 3600;
	min = second / 60 % 60;
	if (spanish)
		return arena_printf(a, "%s %d de %s de %d, %02d:%02d %s", days_es[day_of_week(day)], d,
		    months_es[m - 1], y, h, min, zone_words(a, z, instant, true));
	return arena_printf(a, "%s %d %s %d, %d:%02d %s%s %s", days_en[day_of_week(day)], d, months_en[m - 1], y,
	    h % 12 == 0 ? 12 : h % 12, min, h < 12 ? "AM" : "PM",
	    min != 0 || h % 12 != 0 ? ""
	    : h == 0		    ? " (midnight)"
				    : " (noon)",
	    zone_words(a, z, instant, false));
}
