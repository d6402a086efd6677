#include "service/http_date.h"

#include <stdint.h>
#include <string.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char long_days[][10] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
				      "Thursday", "Friday", "Saturday" };
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

#define YEAR_0    INT64_C(-62167219200) /* Sat, 01 Jan 0000 00:00:00 GMT */
#define YEAR_9999 INT64_C(253402300799) /* Fri, 31 Dec 9999 23:59:59 GMT */

static void digits(char *p, int n, int value)
{
	while (n--) {
		p[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

struct tm http_date(time_t t)
{
	struct tm tm = { 0 };

	t = t < YEAR_0 ? YEAR_0 : t > YEAR_9999 ? YEAR_9999 : t;
	gmtime_r(&t, &tm);
	return tm;
}

void http_date_write(char *buf, time_t t)
{
	struct tm tm = http_date(t);

	memcpy(buf, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN);
	memcpy(buf, days + 3 * tm.tm_wday, 3);
	digits(buf + 5, 2, tm.tm_mday);
	memcpy(buf + 8, months + 3 * tm.tm_mon, 3);
	digits(buf + 12, 4, tm.tm_year + 1900);
	digits(buf + 17, 2, tm.tm_hour);
	digits(buf + 20, 2, tm.tm_min);
	digits(buf + 23, 2, tm.tm_sec);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int month_of(const char *p)
{
	for (int m = 0; m < 12; m++)
		if (memcmp(p, months + 3 * m, 3) == 0)
			return m;
	return -1;
}

/*
 * Read text of exactly the pattern's length and shape: d is a digit of the day, Y of the year, H N C of hour, minute
 * and second, mmm a month; _ is a space or a digit of the day; everything else stands for itself.
 */
static bool match(const char *pattern, const char *text, size_t len, struct tm *tm)
{
	if (strlen(pattern) != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int *field = NULL;
		switch (pattern[i]) {
		case '_':
			if (text[i] == ' ')
				continue;
			/* fallthrough */
		case 'd':
			field = &tm->tm_mday;
			break;
		case 'Y':
			field = &tm->tm_year;
			break;
		case 'H':
			field = &tm->tm_hour;
			break;
		case 'N':
			field = &tm->tm_min;
			break;
		case 'C':
			field = &tm->tm_sec;
			break;
		case 'm':
			tm->tm_mon = month_of(text + i);
			i += 2;
			if (tm->tm_mon < 0)
				return false;
			continue;
		default:
			if (text[i] != pattern[i])
				return false;
			continue;
		}
		if (!is_digit(text[i]))
			return false;
		*field = *field * 10 + text[i] - '0';
	}
	return true;
}

/* A year of two digits that seems more than 50 years ahead is the most recent past one (RFC 9110 5.6.7). */
static int full_year(int two, time_t now)
{
	struct tm tm;

	gmtime_r(&now, &tm);
	int this_year = tm.tm_year + 1900, year = this_year - this_year % 100 + two;
	return year > this_year + 50 ? year - 100 : year;
}

/* How many characters of a day's name text begins with; the name is not compared with the date. */
static size_t day_name(const char *text, size_t len, bool longer)
{
	for (size_t i = 0; i < 7; i++) {
		size_t n = longer ? strlen(long_days[i]) : 3;
		if (len > n && memcmp(text, longer ? long_days[i] : days + 3 * i, n) == 0)
			return n;
	}
	return 0;
}

bool http_date_read(const char *text, size_t len, time_t now, time_t *t)
{
	static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct tm tm = { 0 };
	size_t n = day_name(text, len, false), l = day_name(text, len, true);

	if (n && match(", dd mmm YYYY HH:NN:CC GMT", text + n, len - n, &tm)) {
		/* IMF-fixdate */
	} else if (memset(&tm, 0, sizeof tm),
		   l && match(", dd-mmm-YY HH:NN:CC GMT", text + l, len - l, &tm)) {
		tm.tm_year = full_year(tm.tm_year, now); /* RFC 850 */
	} else if (memset(&tm, 0, sizeof tm), n && match(" mmm _d HH:NN:CC YYYY", text + n, len - n, &tm)) {
		/* asctime */
	} else {
		return false;
	}
	if (tm.tm_mday < 1 || tm.tm_mday > month_days[tm.tm_mon] || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	*t = timegm(&tm);
	return true;
}
