#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BYTES_TEXT = 16, NAME_MIN = 10, FIGURES = 50, WIDTH_DEFAULT = 80 };

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH_DEFAULT;
}

const char *progress_bytes(uint64_t n, char *buf)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)n / 1000;
	size_t u = 0;

	if (n < 1000) {
		snprintf(buf, BYTES_TEXT, "%u B", (unsigned)n);
		return buf;
	}
	while (v >= 999.95 && u + 1 < sizeof units / sizeof *units) {
		v /= 1000;
		u++;
	}
	snprintf(buf, BYTES_TEXT, "%.1f %s", v, units[u]);
	return buf;
}

void progress_begin(struct progress *p)
{
	p->width = terminal_width();
	p->at = 0;
	if (p->drawn > 0)
		fprintf(stderr, "\033[%dA", p->drawn);
}

void progress_row(struct progress *p, const struct progress_row *row)
{
	char got[BYTES_TEXT], rate[BYTES_TEXT], percent[16] = "", left[24] = "";
	double seconds = (double)row->took / 1e9;
	double a_second = seconds > 0 ? (double)row->got / seconds : 0;
	int room = p->width - FIGURES > NAME_MIN ? p->width - FIGURES : NAME_MIN;
	size_t len = strlen(row->name);
	const char *name =
		len > (size_t)room ? row->name + len - (size_t)room : row->name; /* its end tells more */

	if (row->length > 0 && row->got <= row->length) {
		snprintf(percent, sizeof percent, "%3d%%",
			 (int)((double)row->got / (double)row->length * 100));
		double eta = a_second > 0 ? (double)(row->length - row->got) / a_second : 0;
		if (a_second > 0 && eta < 360000)
			snprintf(left, sizeof left, "%d:%02d left", (int)eta / 60, (int)eta % 60);
	}
	fprintf(stderr, "\r\033[K%-*s %8s %4s %10s/s %s\n", room, name, progress_bytes(row->got, got),
		percent, progress_bytes((uint64_t)a_second, rate), left);
	p->at++;
}

void progress_end(struct progress *p)
{
	if (p->drawn > p->at)
		fprintf(stderr, "\033[J"); /* lines of transfers that are over */
	p->drawn = p->at;
}

void progress_clear(struct progress *p)
{
	if (p->drawn > 0)
		fprintf(stderr, "\033[%dA\r\033[J", p->drawn);
	p->drawn = 0;
}
