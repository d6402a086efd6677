#include "service/http_files.h"

#include "base/hash.h"
#include "base/list.h"
#include "service/http_date.h"
#include "service/http_open.h"
#include "service/http_types.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUCKETS    4096 /* a power of two */
#define FIELDS_MAX 384
#define FRESH      PB_MSEC(50) /* more than a tick of any kernel's file time stamps */

struct entry {
	struct http_file file;
	struct entry *next; /* in its bucket */
	struct pb_link lru; /* among all, or among the open ones */
	uint64_t hash;
	pb_time checked; /* the turn in which it was last found unchanged */
	unsigned users;
	bool listed;   /* in the table; otherwise it lives as long as its users */
	bool fresh;    /* changed so recently that its contents can't be trusted for long */
	size_t memory; /* bytes of its contents */
	dev_t dev;
	ino_t ino;
	struct timespec mtime, ctime;
	const char *name; /* below the root: the path, or the index that it stands for */
	size_t path_len;
	char text[]; /* the path, name, fields */
};

struct http_files {
	int root;
	const char *index;
	size_t bytes, bytes_max;
	size_t count, open;
	struct pb_siphash_key key;
	struct pb_link in_memory, on_disk; /* least recently used first */
	struct entry *bucket[BUCKETS];
};

struct http_files *http_files_new(int root, const char *index, size_t bytes_max)
{
	struct http_files *files = calloc(1, sizeof *files);
	uint8_t key[16];

	if (!files)
		return NULL;
	files->root = root;
	files->index = index;
	files->bytes_max = bytes_max;
	list_init(&files->in_memory);
	list_init(&files->on_disk);
	if (getrandom(key, sizeof key, 0) != sizeof key) {
		free(files);
		return NULL;
	}
	files->key = pb_siphash_key(key);
	return files;
}

static void free_entry(struct entry *e)
{
	if (e->file.fd >= 0)
		close(e->file.fd);
	free((void *)e->file.contents);
	free(e);
}

/* Take an entry out of the table; it is freed now or when its last user gives it back. */
static void unlist(struct http_files *files, struct entry *e)
{
	struct entry **p = &files->bucket[e->hash % BUCKETS];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	list_remove(&e->lru);
	e->listed = false;
	files->count--;
	files->bytes -= e->memory;
	files->open -= e->file.fd >= 0;
	if (!e->users)
		free_entry(e);
}

static struct entry *oldest(const struct pb_link *list)
{
	return list_empty(list) ? NULL : container_of(list->next, struct entry, lru);
}

static void list_entry(struct http_files *files, struct entry *e)
{
	struct entry **bucket = &files->bucket[e->hash % BUCKETS];
	struct entry *old;

	e->next = *bucket;
	*bucket = e;
	list_push(e->file.contents ? &files->in_memory : &files->on_disk, &e->lru);
	e->listed = true;
	files->count++;
	files->bytes += e->memory;
	files->open += e->file.fd >= 0;
	while (files->open > HTTP_FILES_OPEN_MAX)
		unlist(files, oldest(&files->on_disk));
	while ((files->bytes > files->bytes_max || files->count > HTTP_FILES_MAX) &&
	       (old = oldest(&files->in_memory)))
		unlist(files, old);
}

void http_files_free(struct http_files *files)
{
	struct entry *e;

	if (!files)
		return;
	while ((e = oldest(&files->in_memory)) || (e = oldest(&files->on_disk))) {
		assert(!e->users);
		unlist(files, e);
	}
	free(files);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/*
 * Whether the name still stands for the very file that was opened. This stat follows links, also to outside
 * of the root; but what it finds there is either the file that was reached from within, or not the same.
 */
static bool unchanged(const struct http_files *files, const struct entry *e)
{
	struct stat st;

	return fstatat(files->root, e->name, &st, 0) == 0 && st.st_dev == e->dev && st.st_ino == e->ino &&
	       st.st_size == e->file.size && same_time(st.st_mtim, e->mtime) &&
	       same_time(st.st_ctim, e->ctime) && S_ISREG(st.st_mode);
}

static struct entry *find(struct http_files *files, const struct http_path *path, uint64_t hash)
{
	for (struct entry *e = files->bucket[hash % BUCKETS]; e; e = e->next)
		if (e->hash == hash && e->path_len == path->len &&
		    memcmp(e->text, path->text, path->len) == 0)
			return e;
	return NULL;
}

static bool is_fresh(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	pb_time age = PB_SEC(now.tv_sec - st->st_mtim.tv_sec) + now.tv_nsec - st->st_mtim.tv_nsec;
	pb_time changed = PB_SEC(now.tv_sec - st->st_ctim.tv_sec) + now.tv_nsec - st->st_ctim.tv_nsec;
	/* A time in the future says nothing about the past. */
	return age < FRESH || changed < FRESH;
}

static size_t write_fields(char *buf, const struct stat *st, const char *name, struct http_file *file)
{
	char date[HTTP_DATE_LEN];

	http_date_write(date, st->st_mtim.tv_sec);
	int n = snprintf(buf, FIELDS_MAX,
			 "Content-Type: %s\r\nLast-Modified: %.*s\r\nAccept-Ranges: bytes\r\nETag: ",
			 http_type(name, strlen(name)), HTTP_DATE_LEN, date);
	/* RFC 9110 8.8.3: strong, since whatever changes the file changes one of these. */
	int m = snprintf(buf + n, FIELDS_MAX - (size_t)n, "\"%llx-%llx-%llx.%lx\"\r\n",
			 (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
			 (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec);
	assert(n + m < FIELDS_MAX);
	file->etag_at = (uint16_t)n;
	file->etag_len = (uint16_t)(m - 2);
	return (size_t)(n + m);
}

/* The whole file in memory, or NULL: it changed under our hands, could not be read, or there is no memory. */
static char *read_contents(int fd, size_t size)
{
	char *p = malloc(size + 1);
	size_t have = 0;
	ssize_t n;

	while (p && (n = pread(fd, p + have, size + 1 - have, (off_t)have)) > 0)
		have += (size_t)n;
	if (p && have == size)
		return p;
	free(p);
	return NULL;
}

static struct entry *new_entry(struct http_files *files, const struct http_path *path, const char *name,
			       const struct stat *st, int fd)
{
	size_t name_len = strlen(name);
	struct entry *e = calloc(1, sizeof *e + path->len + 1 + name_len + 1 + FIELDS_MAX);

	if (!e)
		return NULL;
	char *name_at = e->text + path->len + 1, *fields = name_at + name_len + 1;
	memcpy(e->text, path->text, path->len + 1);
	memcpy(name_at, name, name_len + 1);
	e->path_len = path->len;
	e->name = name_at;
	e->dev = st->st_dev;
	e->ino = st->st_ino;
	e->mtime = st->st_mtim;
	e->ctime = st->st_ctim;
	e->fresh = is_fresh(st);
	e->file = (struct http_file){
		.size = st->st_size, .modified = st->st_mtim.tv_sec, .fd = fd, .fields = fields
	};
	e->file.fields_len = (uint16_t)write_fields(fields, st, name, &e->file);
	if ((size_t)st->st_size <= HTTP_CONTENTS_MAX && (size_t)st->st_size <= files->bytes_max)
		e->file.contents = read_contents(fd, (size_t)st->st_size);
	if (e->file.contents) {
		e->memory = (size_t)st->st_size;
		close(fd);
		e->file.fd = -1;
	}
	return e;
}

/* Open name and see what it is. A descriptor of a regular file, or -errno with the meanings of
 * http_file_take(). */
static int open_regular(const struct http_files *files, const char *name, size_t len, struct stat *st)
{
	int fd = http_open(files->root, name);

	if (fd == -ENOTDIR) /* a file where a directory should be */
		return -ENOENT;
	if (fd < 0)
		return fd;
	int err = fstat(fd, st) < 0             ? errno
		  : S_ISREG(st->st_mode)        ? 0
		  : !S_ISDIR(st->st_mode)       ? EACCES
		  : len && name[len - 1] != '/' ? ENOTDIR
						: EISDIR;
	if (!err)
		return fd;
	close(fd);
	return -err;
}

static struct entry *open_entry(struct http_files *files, const struct http_path *path, int *err)
{
	char name[sizeof path->text + NAME_MAX + 1];
	bool directory = path->len == 0 || path->text[path->len - 1] == '/';
	struct stat st;

	snprintf(name, sizeof name, "%s%s", path->text, directory ? files->index : "");
	int fd = open_regular(files, name, strlen(name), &st);
	if (directory && (fd == -ENOENT || fd == -ENOTDIR)) /* no index: is there a directory? */
		fd = open_regular(files, path->text, path->len, &st);
	if (fd < 0) {
		*err = -fd;
		return NULL;
	}
	struct entry *e = new_entry(files, path, name, &st, fd);
	if (!e) {
		close(fd);
		*err = ENOMEM;
	}
	return e;
}

struct http_file *http_file_take(struct http_files *files, const struct http_path *path, pb_time now,
				 int *err)
{
	uint64_t hash = pb_siphash13(&files->key, path->text, path->len);
	struct entry *e = find(files, path, hash);

	if (e && e->checked != now) {
		if (!e->fresh && unchanged(files, e)) {
			e->checked = now;
		} else {
			unlist(files, e);
			e = NULL;
		}
	}
	if (!e) {
		e = open_entry(files, path, err);
		if (!e)
			return NULL;
		e->hash = hash;
		e->checked = now;
		e->users = 1; /* so that making room can't free it */
		list_entry(files, e);
		return &e->file;
	}
	e->users++;
	list_remove(&e->lru);
	list_push(e->file.contents ? &files->in_memory : &files->on_disk, &e->lru);
	return &e->file;
}

void http_file_give(struct http_file *file)
{
	struct entry *e = container_of(file, struct entry, file);

	assert(e->users > 0);
	if (--e->users == 0 && !e->listed)
		free_entry(e);
}
