/*
 * A connection reads into the server's scratch buffer, answers every whole request found there, and sends the
 * answers together. While it waits it owns nothing but struct http_conn: input of an incomplete request, or
 * behind an answer that does not fit the socket, is copied to a buffer of its own (in), output that the
 * socket did not take likewise (out), and both are freed as soon as they are used up.
 *
 *   READING  waiting for a request, or in the middle of one (in), or of a body that is thrown away
 *   SENDING  the socket is full: nothing is read until out is gone
 */
#include "service/http_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX  (64 * 1024) /* of a request: dropped up to this, refused beyond */
#define BATCH_MAX (32 * 1024) /* answers gathered before they are sent */

/*
 * Bodies up to this are gathered, too. Measured with 8 requests pipelined, processor time by gathering to that by
 * sending each answer by itself: 0.26 at 1 KiB, 0.33 at 4 KiB, 0.50 at 8 KiB, 0.69 at 16 KiB, 1.22 at 32 KiB; one
 * request at a time, the same within 10 %.
 */
#define COPY_MAX (16 * 1024)

/*
 * Then others have their turn. It is what one sendfile() moves at once through its pipe; with more it holds the pieces
 * together (MSG_MORE), and 64 callers of 10 MiB over loopback got less: 0.63 of it with 128 KiB, 0.64 with 1 MiB.
 */
#define FILE_A_TURN (64 * 1024)

/* So long a caller who has not asked anything yet may still do so when the server stops. */
#define FIRST_REQUEST_TIME PB_SEC(2)

/* What was sent off but not yet taken by the socket. */
struct output {
	size_t len, sent;
	struct http_file *file; /* behind the bytes; NULL: none */
	off_t from, to;
	char bytes[];
};

struct input {
	size_t len, room;
	size_t seen; /* so many bytes have been read as a request in vain */
	char bytes[];
};

enum state { READING, SENDING };

static struct http_config *config_of(const struct http_conn *h)
{
	return h->conn.service->config;
}

/* Whether the connection is still there after a call. */
enum alive { GONE, ALIVE };

static enum alive end(struct http_conn *h, const char *why)
{
	conn_close(&h->conn, why);
	return GONE;
}

static enum alive fail(struct http_conn *h, ssize_t err)
{
	conn_fail(&h->conn, (int)err);
	return GONE;
}

static void free_output(struct http_conn *h)
{
	if (h->out && h->out->file)
		http_file_give(h->out->file);
	free(h->out);
	h->out = NULL;
}

static void free_input(struct http_conn *h)
{
	free(h->in);
	h->in = NULL;
}

/* The last answer has been sent. */
static enum alive finish(struct http_conn *h)
{
	if (!h->rude)
		return end(h, "done");
	conn_linger(&h->conn, "done");
	return GONE;
}

/* Send of a file from *from up to to, at most a turn's share. The bytes sent, or -errno; 0: the file has
 * shrunk. */
static ssize_t send_file(struct http_conn *h, const struct http_file *f, off_t *from, off_t to)
{
	size_t left = (size_t)(to - *from), n = left < FILE_A_TURN ? left : FILE_A_TURN;

	if (!f->contents)
		return conn_sendfile(&h->conn, f->fd, from, n);
	ssize_t sent = conn_send(&h->conn, f->contents + *from, n);
	if (sent > 0)
		*from += sent;
	return sent;
}

static enum alive shrunk(struct http_conn *h)
{
	log_say(service_log(h->conn.service),
		"connection %llu: a file became shorter while it was sent; closing",
		(unsigned long long)h->conn.number);
	conn_reset(&h->conn, "file shrank");
	return GONE;
}

/* Send what is waiting. ALIVE and h->out still there: the socket is full, or others have their turn. */
static enum alive send_output(struct http_conn *h)
{
	struct output *o = h->out;
	ssize_t n = 1;

	while (o->sent < o->len && (n = conn_send(&h->conn, o->bytes + o->sent, o->len - o->sent)) > 0)
		o->sent += (size_t)n;
	if (o->sent == o->len && o->file && o->from < o->to) {
		n = send_file(h, o->file, &o->from, o->to);
		if (n == 0)
			return shrunk(h);
	}
	if (n < 0 && n != -EAGAIN)
		return fail(h, n);
	if (o->sent < o->len || (o->file && o->from < o->to))
		return ALIVE;
	free_output(h);
	return ALIVE;
}

/* Keep what the socket did not take. The file, if any, now belongs to the output. */
static enum alive keep_output(struct http_conn *h, const char *bytes, size_t len, struct http_file *file,
			      off_t from, off_t to)
{
	h->out = malloc(sizeof *h->out + len);
	if (!h->out) {
		if (file)
			http_file_give(file);
		conn_reset(&h->conn, "out of memory");
		return GONE;
	}
	*h->out = (struct output){ .len = len, .file = file, .from = from, .to = to };
	memcpy(h->out->bytes, bytes, len);
	return ALIVE;
}

/*
 * Send the gathered bytes and, in the same call, the body that lies in memory, if there is one. Where a file or the end
 * of the connection follows, MSG_MORE spares a packet: the first bytes of the file, or the FIN, go along.
 */
static ssize_t send_together(struct http_conn *h, const struct http_writer *w, const struct http_answer *a)
{
	struct iovec v[2] = {
		{w->p, w->len}
	};
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 1 };
	bool more = h->last;

	if (a && a->page)
		v[m.msg_iovlen++] = (struct iovec){ a->page, a->page_len };
	else if (a && a->file && a->file->contents)
		v[m.msg_iovlen++] =
			(struct iovec){ (char *)a->file->contents + a->from, (size_t)(a->to - a->from) };
	else if (a && a->file)
		more = true;
	return conn_sendmsg(&h->conn, &m, more ? MSG_MORE : 0);
}

/*
 * Send the gathered bytes, and behind them the body of an answer (NULL: none), which is given back. Where the
 * socket does not take all of it, the rest becomes h->out.
 */
static enum alive flush(struct http_conn *h, struct http_writer *w, struct http_answer *a)
{
	struct http_file *file = a ? a->file : NULL;
	char *page = a ? a->page : NULL;
	enum alive alive = ALIVE;
	ssize_t n = w->len || file ? send_together(h, w, a) : 0;

	if (n < 0 && n != -EAGAIN) {
		if (file)
			http_file_give(file);
		free(page);
		return fail(h, n);
	}
	size_t sent = n > 0 ? (size_t)n : 0, of_head = sent < w->len ? sent : w->len,
	       of_body = sent - of_head;
	if (file) {
		a->from += (off_t)of_body;
		if (of_head == w->len && a->from == a->to)
			http_file_give(file);
		else
			alive = keep_output(h, w->p + of_head, w->len - of_head, file, a->from, a->to);
	} else if (page && sent < w->len + a->page_len) {
		/* The page goes behind what is left of the head: there is one buffer. */
		size_t head_left = w->len - of_head, page_left = a->page_len - of_body;
		char *rest = malloc(head_left + page_left);
		if (rest) {
			memcpy(rest, w->p + of_head, head_left);
			memcpy(rest + head_left, page + of_body, page_left);
			alive = keep_output(h, rest, head_left + page_left, NULL, 0, 0);
		} else {
			conn_reset(&h->conn, "out of memory");
			alive = GONE;
		}
		free(rest);
	} else if (!page && sent < w->len) {
		alive = keep_output(h, w->p + of_head, w->len - of_head, NULL, 0, 0);
	}
	free(page);
	w->len = 0;
	/* A file that is not in memory: the socket may have room for it right now. */
	return alive == ALIVE && h->out && n > 0 ? send_output(h) : alive;
}

static void log_answer(struct http_conn *h, const struct http_request *r, const struct http_answer *a)
{
	struct log *log = service_log(h->conn.service);
	const struct http_text *f = r->field;

	if (a->err)
		log_say(log, "cannot serve %.*s: %s", (int)r->target.len, r->target.p, strerror(a->err));
	if (!log_wants(log))
		return;
	log_request(log, &h->conn,
		    &(struct log_request){
			    .method = r->method.p,
			    .method_len = r->method.len,
			    .target = r->target.p,
			    .target_len = r->target.len,
			    .referer = f[HTTP_FIELD_REFERER].p,
			    .referer_len = f[HTTP_FIELD_REFERER].len,
			    .agent = f[HTTP_FIELD_USER_AGENT].p,
			    .agent_len = f[HTTP_FIELD_USER_AGENT].len,
			    .status = a->status,
			    .bytes = a->bytes,
		    });
}

/* An answer is made: gather it, and send when there is enough or it can't be gathered. */
static enum alive gather(struct http_conn *h, struct http_writer *w, struct http_answer *a)
{
	struct http_file *f = a->file;

	if (f && f->contents && a->to - a->from <= COPY_MAX) {
		http_put(w, f->contents + a->from, (size_t)(a->to - a->from));
		http_file_give(f);
	} else if (f || a->page) {
		return flush(h, w, a);
	}
	return w->len >= BATCH_MAX ? flush(h, w, NULL) : ALIVE;
}

static enum alive answer_error(struct http_conn *h, const struct http_request *r, int status,
			       struct http_writer *w)
{
	struct http_answer a = { 0 };

	http_answer_error(&config_of(h)->site, status, w, &a);
	h->last = h->rude = true;
	log_answer(h, r, &a);
	return gather(h, w, &a);
}

static enum alive answer(struct http_conn *h, const struct http_request *r, struct http_writer *w)
{
	struct http_answer a = { 0 };

	if (r->body_len > BODY_MAX)
		return answer_error(h, r, 413, w);
	/*
	 * A client that waits for 100 (Continue) gets its answer now, and may or may not send the body then:
	 * what comes next could be either, so nothing may come (RFC 9110 10.1.1).
	 */
	bool unsure = r->field[HTTP_FIELD_EXPECT].p && (r->body_len || r->chunked);
	if (!r->keep_alive || unsure || h->draining)
		h->last = true;
	if (h->last && (unsure || r->body_len || r->chunked))
		h->rude = true;
	a.close = h->last;
	if (r->chunked && !h->last) {
		h->chunks = malloc(sizeof *h->chunks);
		if (!h->chunks)
			return answer_error(h, r, 503, w);
		http_chunks_init(h->chunks);
	}
	h->drop = r->body_len;
	http_answer(&config_of(h)->site, r, pb_loop_now(conn_loop(&h->conn)), w, &a);
	log_answer(h, r, &a);
	return gather(h, w, &a);
}

/* Drop what belongs to the body of the request before. The bytes dropped, or -1: there is no telling where it
 * ends. */
static long drop_body(struct http_conn *h, const char *p, size_t len)
{
	size_t n = len < h->drop ? len : (size_t)h->drop;

	h->drop -= n;
	if (!h->chunks)
		return (long)n;
	long taken = http_chunks_read(h->chunks, p, len);
	if (taken < 0 || h->chunks->seen > BODY_MAX)
		return -1;
	if (h->chunks->ended) {
		free(h->chunks);
		h->chunks = NULL;
	}
	return taken;
}

static bool in_body(const struct http_conn *h)
{
	return h->chunks || h->drop;
}

/* Keep the input that is not used up; seen of it has been read in vain. */
static enum alive keep_input(struct http_conn *h, const char *p, size_t len, size_t seen)
{
	if (len == 0) {
		free_input(h);
		return ALIVE;
	}
	if (!h->in || h->in->room < len) {
		size_t room = 512;
		while (room < len)
			room *= 2;
		free_input(h);
		h->in = malloc(sizeof *h->in + room);
		if (!h->in) {
			conn_reset(&h->conn, "out of memory");
			return GONE;
		}
		h->in->room = room;
	}
	memcpy(h->in->bytes, p, len);
	h->in->len = len;
	h->in->seen = seen;
	return ALIVE;
}

/* Hold the client to the time it has for a request, counted from the first byte; in between, the idle time
 * counts. */
static void watch_time(struct http_conn *h)
{
	bool begun = h->in || in_body(h);
	pb_time now = pb_loop_now(conn_loop(&h->conn));

	if (begun && !h->waiting)
		h->deadline = now + config_of(h)->header_time;
	if (begun)
		conn_set_idle(&h->conn, h->deadline > now ? h->deadline - now : 0);
	else if (h->waiting)
		conn_set_idle(&h->conn, h->conn.service->idle);
	h->waiting = begun;
}

/* All that could be done with the input is done. */
static enum alive settle(struct http_conn *h)
{
	if (h->out) {
		if (h->waiting)
			conn_set_idle(&h->conn, h->conn.service->idle);
		h->waiting = false;
		h->state = SENDING;
		conn_want(&h->conn, POLLOUT);
		return ALIVE;
	}
	if (h->last || (h->draining && !h->in && !in_body(h)))
		return finish(h);
	h->state = READING;
	conn_want(&h->conn, POLLIN);
	watch_time(h);
	return ALIVE;
}

/* Answer the whole requests among len bytes of input, of which seen have been read in vain before. */
static enum alive process(struct http_conn *h, char *p, size_t len, size_t seen)
{
	struct http_config *config = config_of(h);
	struct http_writer w = { .p = p + config->header_max, .room = SCRATCH_SIZE - config->header_max };
	struct http_request r;
	enum alive alive = ALIVE;
	bool closing = false;
	int status;

	while (alive == ALIVE && !h->out && len > 0 && !closing) {
		if (in_body(h)) {
			long n = drop_body(h, p, len);
			p += n > 0 ? n : 0;
			len -= n > 0 ? (size_t)n : 0;
			if (n < 0) {
				h->last = h->rude = closing = true;
				len = 0;
			}
			continue;
		}
		if (seen && !http_request_worth_reading(p, len, seen) && len < config->header_max)
			break;
		switch (http_request_read(&r, p, len, config->header_max, &status)) {
		case HTTP_PARSE_WHOLE:
			seen = 0;
			p += r.head_len;
			len -= r.head_len;
			alive = answer(h, &r, &w);
			closing = alive == ALIVE && h->last; /* gone: there is no h to look at */
			continue;
		case HTTP_PARSE_BAD:
			alive = answer_error(h, &r, status, &w);
			closing = true;
			continue;
		case HTTP_PARSE_PARTIAL:
			seen = len;
			break;
		}
		break;
	}
	if (alive == GONE)
		return GONE;
	if (closing) { /* whatever follows is not read as requests */
		h->rude |= len > 0;
		h->drop = 0;
		len = 0;
	}
	if (w.len && flush(h, &w, NULL) == GONE)
		return GONE;
	if (keep_input(h, p, len, h->out ? 0 : seen) == GONE)
		return GONE;
	return settle(h);
}

/* Go on with the input: with what is left of it first, otherwise with what comes. */
static enum alive receive(struct http_conn *h, bool fresh)
{
	char *p = (char *)service_scratch(h->conn.service);
	size_t have = h->in ? h->in->len : 0, seen = h->in ? h->in->seen : 0;
	ssize_t n = 0;

	if (have)
		memcpy(p, h->in->bytes, have);
	if (fresh) {
		n = conn_recv(&h->conn, p + have, config_of(h)->header_max - have);
		if (n == -EAGAIN)
			return ALIVE;
		if (n == 0)
			return end(h, h->in || in_body(h) ? "left in the middle of a request" : "done");
		if (n < 0)
			return fail(h, n);
	}
	return process(h, p, have + (size_t)n, seen);
}

static enum alive time_out(struct http_conn *h)
{
	struct http_writer w = { .p = (char *)service_scratch(h->conn.service), .room = SCRATCH_SIZE };
	struct http_request none = { 0 };

	if (in_body(h)) /* the request has been answered already */
		return end(h, "time-out in the middle of a body");
	free_input(h);
	h->drop = 0;
	free(h->chunks);
	h->chunks = NULL;
	if (answer_error(h, &none, 408, &w) == GONE || flush(h, &w, NULL) == GONE)
		return GONE;
	return settle(h);
}

void http_conn_ready(struct conn *c, int ready)
{
	struct http_conn *h = (struct http_conn *)c;

	(void)ready;
	switch ((enum state)h->state) {
	case READING:
		if (h->waiting && pb_loop_now(conn_loop(c)) >= h->deadline)
			time_out(h);
		else
			receive(h, true);
		break;
	case SENDING:
		if (send_output(h) == GONE || h->out)
			break;
		if (h->last)
			finish(h);
		else if (h->in)
			receive(h, false);
		else
			settle(h);
		break;
	}
}

void http_conn_idle(struct conn *c)
{
	struct http_conn *h = (struct http_conn *)c;

	if (h->state == SENDING)
		conn_reset(c, "idle"); /* a reader that has stopped: the kernel's buffer is given back, too */
	else if (h->waiting)
		time_out(h);
	else
		conn_close(c, "idle");
}

void http_conn_drain(struct conn *c)
{
	struct http_conn *h = (struct http_conn *)c;
	bool idle = h->state == READING && !h->in && !in_body(h);

	/* A request that has arrived already is still answered, and so is the first one that is on its way. */
	h->draining = true;
	if (!idle || receive(h, true) == GONE || h->state != READING || h->in || in_body(h))
		return;
	if (c->bytes_in == 0)
		conn_set_idle(c, FIRST_REQUEST_TIME);
	else
		conn_close(c, "done");
}

void http_conn_closed(struct conn *c)
{
	struct http_conn *h = (struct http_conn *)c;

	free_output(h);
	free_input(h);
	free(h->chunks);
}
