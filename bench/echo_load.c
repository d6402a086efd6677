/*
 * Load for echo servers: CONNECTIONS connections to 127.0.0.1:PORT, each sending 64 bytes and waiting for them, over
 * and over for SECONDS. Prints the round trips a second of all of them together.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define MESSAGE 64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int call(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		die("echo_load: connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int main(int argc, char **argv)
{
	static char message[MESSAGE], answer[MESSAGE];
	struct epoll_event events[256];
	unsigned long long trips = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: echo_load PORT CONNECTIONS SECONDS\n");
		return 2;
	}
	int epoll = epoll_create1(0);
	for (int i = atoi(argv[2]); i > 0; i--) {
		int fd = call((uint16_t)atoi(argv[1]));
		struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 || send(fd, message, MESSAGE, 0) != MESSAGE)
			die("echo_load");
	}
	double start = now(), end = start + atof(argv[3]);
	while (now() < end) {
		int n = epoll_wait(epoll, events, 256, 1000);
		for (int i = 0; i < n; i++, trips++)
			if (recv(events[i].data.fd, answer, MESSAGE, MSG_WAITALL) != MESSAGE ||
			    send(events[i].data.fd, message, MESSAGE, 0) != MESSAGE)
				die("echo_load: the server");
	}
	printf("%.0f\n", (double)trips / (now() - start));
	return 0;
}
