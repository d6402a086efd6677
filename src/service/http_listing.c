#include "service/http_listing.h"

#include "service/http_date.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct item {
	char *name;
	bool directory, link;
	unsigned long long size;
	time_t modified;
};

struct items {
	struct item *item;
	size_t count;
	bool more;
};

const char *http_listing_size(char *buf, unsigned long long bytes)
{
	static const char *const unit[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };
	double n = (double)bytes;
	size_t u = 0;

	/* 999.5 would be written as 1000. */
	for (; n >= 999.5; u++)
		n /= 1000;
	snprintf(buf, 16, u && n < 9.95 ? "%.1f %s" : "%.0f %s", n, unit[u]);
	return buf;
}

/* Text as it may stand in HTML, also within quotes. */
static void put_html(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (strchr("&<>\"'", c) || c < ' ' || c == 0x7f)
			fprintf(out, "&#%d;", c < ' ' || c == 0x7f ? 0xfffd : c);
		else
			putc(c, out);
	}
}

/* A name as a path segment (RFC 3986 3.3): everything but unreserved characters is encoded. */
static void put_segment(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     strchr("-._~", c);
		fprintf(out, plain ? "%c" : "%%%02X", c);
	}
}

static int by_kind_and_name(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->directory != y->directory)
		return y->directory - x->directory;
	return strverscmp(x->name, y->name);
}

static bool add(struct items *items, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true; /* gone since */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return true;
	if ((items->count & (items->count - 1)) == 0) {
		size_t room = items->count ? items->count * 2 : 1;
		struct item *p = realloc(items->item, room * sizeof *p);
		if (!p)
			return false;
		items->item = p;
	}
	items->item[items->count] = (struct item){
		.name = strdup(name),
		.directory = S_ISDIR(st.st_mode),
		.link = S_ISLNK(st.st_mode),
		.size = (unsigned long long)st.st_size,
		.modified = st.st_mtim.tv_sec,
	};
	return items->item[items->count++].name != NULL;
}

static bool gather(struct items *items, DIR *d)
{
	struct dirent *e;

	while (!items->more && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (items->count == HTTP_LISTING_MAX)
			items->more = true;
		else if (!add(items, dirfd(d), e->d_name))
			return false;
	}
	if (items->count)
		qsort(items->item, items->count, sizeof *items->item, by_kind_and_name);
	return true;
}

static void put_item(FILE *out, const struct item *i)
{
	char size[16], date[32];
	struct tm tm = http_date(i->modified);

	strftime(date, sizeof date, "%Y-%m-%d %H:%M", &tm);
	/* "./": a name with a colon would be taken for a scheme (RFC 3986 4.2). */
	fputs("<tr><td><a href=\"./", out);
	put_segment(out, i->name);
	fprintf(out, "%s\">", i->directory ? "/" : "");
	put_html(out, i->name);
	fprintf(out, "%s</a><td>%s<td>%s\n", i->directory ? "/" : "",
		i->directory ? ""
		: i->link    ? "link"
			     : http_listing_size(size, i->size),
		date);
}

static const char style[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<style>\n"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\n"
	"h1{font-size:1.3rem;overflow-wrap:anywhere}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
	"th{text-align:left;font-weight:600;border-bottom:1px solid #8886}\n"
	"th,td{padding:.25rem .5rem}\n"
	"td:first-child{overflow-wrap:anywhere}\n"
	"td+td,th+th{text-align:right;white-space:nowrap;color:color-mix(in srgb,currentcolor "
	"65%,transparent)}\n"
	"tbody tr:hover{background:#8882}\n"
	"a{text-decoration:none}a:hover{text-decoration:underline}\n"
	"</style>\n";

static void put_page(FILE *out, const char *path, const struct items *items)
{
	fputs(style, out);
	fputs("<title>/", out);
	put_html(out, path);
	fputs("</title>\n<h1>/", out);
	put_html(out, path);
	fputs("</h1>\n<table>\n<thead><tr><th>Name<th>Size<th>Modified (UTC)\n<tbody>\n", out);
	if (*path)
		fputs("<tr><td><a href=\"../\">../</a><td><td>\n", out);
	for (size_t i = 0; i < items->count; i++)
		put_item(out, &items->item[i]);
	fputs("</table>\n", out);
	if (!items->count)
		fputs("<p>Nothing is in here.</p>\n", out);
	if (items->more)
		fprintf(out, "<p>There are more than these %d.</p>\n", HTTP_LISTING_MAX);
}

char *http_listing(int dir, const char *path, size_t *len)
{
	struct items items = { 0 };
	char *page = NULL;
	DIR *d = fdopendir(dir);

	if (!d) {
		close(dir);
		return NULL;
	}
	FILE *out = gather(&items, d) ? open_memstream(&page, len) : NULL;
	bool whole = false;
	if (out) {
		put_page(out, path, &items);
		whole = !ferror(out);
		whole &= fclose(out) == 0;
	}
	for (size_t i = 0; i < items.count; i++)
		free(items.item[i].name);
	free(items.item);
	closedir(d);
	if (whole)
		return page;
	free(page);
	errno = ENOMEM;
	return NULL;
}
