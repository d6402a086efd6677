/*
 * The files that are being served, kept open or in memory with their entity headers, so that a request for a
 * small file is answered without asking for anything but whether it is still the same.
 *
 * An entry is trusted for the turn of the loop in which it was checked; later it is compared with what the
 * name stands for now: device, inode, size, times of change. A file changed just before it was read could
 * change again within the clock's granularity and look the same (git's index has the same problem), so its
 * contents are kept for one turn only. Entries and bytes are bounded; the least recently used go first. An
 * entry in use stays until it is given back.
 */
#ifndef SERVICE_HTTP_FILES_H
#define SERVICE_HTTP_FILES_H

#include "service/http_path.h"

#include <packetboat/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Files up to this are kept in memory. Measured, processor time by sendfile() to that from memory: 1.10 at 4 KiB,
 * 1.04 at 16 KiB, 0.95 at 32 KiB, 0.80 at 64 KiB, 0.48 at 128 KiB.
 */
#define HTTP_CONTENTS_MAX   (32 * 1024)
#define HTTP_FILES_MAX      8192 /* entries, those in memory included */
#define HTTP_FILES_OPEN_MAX 128  /* entries that hold a descriptor */

struct http_files;

struct http_file {
	off_t size;
	time_t modified;
	const char *contents; /* NULL: read it from fd */
	int fd;
	uint16_t etag_at, etag_len, fields_len; /* in fields */
	const char *fields; /* Content-Type, Last-Modified, ETag and Accept-Ranges; not Content-Length */
};

/*
 * Files below root, a directory's descriptor (which stays the caller's), at most bytes_max of their contents
 * in memory; index is the name of the file that stands for a directory. NULL: out of memory.
 */
struct http_files *http_files_new(int root, const char *index, size_t bytes_max);
void http_files_free(struct http_files *files);

/*
 * The file that path names, or a directory's index; now is the time of this turn. NULL: *err is a positive
 * errno, of which EISDIR means a directory without an index, ENOTDIR a directory whose path lacks the slash
 * at its end, and EACCES something that is neither. Give it back with http_file_give().
 */
struct http_file *http_file_take(struct http_files *files, const struct http_path *path, pb_time now,
				 int *err);
void http_file_give(struct http_file *file);

#endif
