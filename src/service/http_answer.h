/* From a request to its answer: the head into a writer, the body as what is to be sent behind it. */
#ifndef SERVICE_HTTP_ANSWER_H
#define SERVICE_HTTP_ANSWER_H

#include "service/http_files.h"
#include "service/http_request.h"
#include "service/http_response.h"

/* What is served. */
struct http_site {
	int root;
	char *index;
	bool listing;
	struct http_files *files;
	struct http_clock clock;
};

struct http_answer {
	int status;
	bool close;             /* the connection ends behind this answer */
	uint64_t bytes;         /* of the body, for the log */
	int err;                /* what went wrong, where it is our fault: a positive errno */
	struct http_file *file; /* send its bytes from up to to, then give it back; NULL: none */
	off_t from, to;
	char *page; /* or send these bytes, then free them; NULL: none */
	size_t page_len;
};

/*
 * Answer a whole request; now is the time of the loop's turn. a->close says beforehand that the connection is
 * to end. The writer must have room for HTTP_HEAD_MAX, twice, and the target.
 */
void http_answer(struct http_site *site, const struct http_request *r, pb_time now, struct http_writer *w,
		 struct http_answer *a);

/* Answer with an error and end the connection. */
void http_answer_error(struct http_site *site, int status, struct http_writer *w, struct http_answer *a);

#endif
