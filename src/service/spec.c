#include "service/spec.h"

#include "kernel/registry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool spec_fail(struct spec_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof error->text, format, args);
	va_end(args);
	return false;
}

/*
 * Take the text up to one of the characters in stops, or to the end, undoing \, and \\ in place. *rest is moved behind
 * it, and *stop is the character that ended it (0: the end).
 */
static char *take_item(char **rest, const char *stops, char *stop)
{
	char *start = *rest, *to = start, *from = start;

	for (; *from && !strchr(stops, *from); from++) {
		if (from[0] == '\\' && (from[1] == ',' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*stop = *from;
	*rest = from + (*from != '\0');
	*to = '\0';
	return start;
}

/* ADDRESS or [ADDRESS] or nothing or *; text is cut behind it, and *port is what stands behind the colon. */
static bool parse_address(struct spec *s, char *text, char **port, struct spec_error *error)
{
	char *host = text, *colon;

	if (*text == '[') {
		char *close = strchr(text, ']');
		if (!close || close[1] != ':')
			return spec_fail(error, "'%.64s' is not [ADDRESS]:PORT; for example [::1]:7007",
					 text);
		*close = '\0';
		host++;
		colon = close + 1;
	} else {
		colon = strrchr(text, ':');
		if (!colon)
			return spec_fail(error, "no port in '%.64s'; for example :7007 or 127.0.0.1:7007",
					 text);
		*colon = '\0';
	}
	*port = colon + 1;
	if (*text == '[' && (!pb_addr_parse(&s->addr, host) || s->addr.sa.sa_family != AF_INET6))
		return spec_fail(error,
				 "'%.64s' is not an IPv6 address, but in brackets; for example [::1]:7007",
				 host);
	s->any = *host == '\0' || strcmp(host, "*") == 0;
	if (s->any)
		s->addr = pb_addr_any(AF_INET);
	else if (strchr(host, ':') && *text != '[')
		return spec_fail(error, "an IPv6 address stands in brackets: [%.64s]:PORT", host);
	else if (!pb_addr_parse(&s->addr, host))
		return spec_fail(
			error,
			"'%.64s' is not an address of this host; for example 127.0.0.1, [::1] or * for any",
			host);
	return true;
}

/* Decimal digits only: no sign, no space. *end is behind them. */
static bool digits(const char *text, uint64_t *n, const char **end)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*n = strtoull(text, &stop, 10);
	*end = stop;
	return !errno;
}

static bool parse_port(struct spec *s, const char *text, struct spec_error *error)
{
	if (!registry_port(text, NULL, &s->port))
		return spec_fail(error,
				 "'%.64s' is not a port: a number from 0 (any free one) to 65535, or a "
				 "registered name",
				 text);
	pb_addr_set_port(&s->addr, s->port);
	return true;
}

static bool add_value(struct spec *s, const char *key, const char *value, struct spec_error *error)
{
	if (s->count == SPEC_VALUES_MAX)
		return spec_fail(error,
				 "%.64s=%.64s is one too many: %d values at most, of all keys together; "
				 "prefixes side by side can be written as one (10.0.0.0/8)",
				 key, value, SPEC_VALUES_MAX);
	s->values[s->count++] = (struct spec_value){ key, value };
	return true;
}

/* key=value[,value]... and so on. */
static bool parse_values(struct spec *s, char *rest, struct spec_error *error)
{
	const char *key = NULL;
	char stop;

	do {
		char *item = take_item(&rest, ",=", &stop);
		if (stop == '=') {
			if (!*item)
				return spec_fail(error, "a value without a key: '=%.64s'", rest);
			key = item;
			item = take_item(&rest, ",", &stop);
		} else if (!key) {
			return spec_fail(error, "'%.64s' is not key=value; for example idle=30s", item);
		}
		if (!*item)
			return spec_fail(error, "%.64s= has no value", key);
		if (!add_value(s, key, item, error))
			return false;
	} while (stop);
	return true;
}

static bool parse(struct spec *s, struct spec_error *error)
{
	char *separator = strstr(s->memory, "://"), *port = NULL, stop;

	if (!separator || separator == s->memory)
		return spec_fail(
			error,
			"not KIND://[ADDRESS]:PORT; for example echo://:7007 or http://127.0.0.1:8080");
	*separator = '\0';
	s->kind = s->memory;
	char *rest = separator + 3;
	char *address = take_item(&rest, ",", &stop);
	return parse_address(s, address, &port, error) && parse_port(s, port, error) &&
	       (!stop || parse_values(s, rest, error));
}

bool spec_parse(struct spec *s, const char *text, struct spec_error *error)
{
	memset(s, 0, sizeof *s);
	if (strlen(text) > SPEC_LEN_MAX)
		return spec_fail(error, "longer than %d characters", SPEC_LEN_MAX);
	s->text = text;
	s->memory = strdup(text);
	if (!s->memory)
		return spec_fail(error, "out of memory");
	if (parse(s, error))
		return true;
	spec_free(s);
	return false;
}

void spec_free(struct spec *s)
{
	free(s->memory);
	memset(s, 0, sizeof *s);
}

const char *spec_get(const struct spec *s, const char *key)
{
	for (size_t i = s->count; i-- > 0;)
		if (strcmp(s->values[i].key, key) == 0)
			return s->values[i].value;
	return NULL;
}

bool spec_number(const struct spec *s, const char *key, uint64_t min, uint64_t max, uint64_t *n,
		 struct spec_error *error)
{
	const char *text = spec_get(s, key), *end;
	uint64_t value;

	if (!text)
		return true;
	if (!digits(text, &value, &end) || *end || value < min || value > max)
		return spec_fail(error, "%s=%.64s: not a number from %llu to %llu", key, text,
				 (unsigned long long)min, (unsigned long long)max);
	*n = value;
	return true;
}

bool spec_size(const struct spec *s, const char *key, uint64_t min, uint64_t max, uint64_t *n,
	       struct spec_error *error)
{
	static const char units[] = "kmg";
	const char *text = spec_get(s, key), *end = NULL, *unit;
	uint64_t value = 0;

	if (!text)
		return true;
	bool ok = digits(text, &value, &end);
	if (ok && *end && (unit = strchr(units, *end | 0x20)) && !end[1]) {
		int shift = 10 * (int)(unit - units + 1);
		ok = value <= UINT64_MAX >> shift;
		value <<= shift;
		end++;
	}
	if (!ok || *end || value < min || value > max)
		return spec_fail(error,
				 "%s=%.64s: not a size from %llu to %llu bytes; for example 16k or 64m", key,
				 text, (unsigned long long)min, (unsigned long long)max);
	*n = value;
	return true;
}

bool spec_time(const struct spec *s, const char *key, int64_t min, int64_t max, int64_t *ns,
	       struct spec_error *error)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{"",    1000000000   },
		{ "ms", 1000000      },
		{ "s",  1000000000   },
		{ "m",  60000000000  },
		{ "h",  3600000000000}
	};
	const char *text = spec_get(s, key), *end;
	uint64_t value, unit = 0;

	if (!text)
		return true;
	bool ok = digits(text, &value, &end);
	for (size_t i = 0; ok && i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].name) == 0)
			unit = units[i].ns;
	if (!ok || !unit || value > INT64_MAX / unit || (int64_t)(value * unit) < min ||
	    (int64_t)(value * unit) > max)
		return spec_fail(error, "%s=%.64s: not a time from %gs to %gs; for example 500ms, 30s or 5m",
				 key, text, (double)min / 1e9, (double)max / 1e9);
	*ns = (int64_t)(value * unit);
	return true;
}
