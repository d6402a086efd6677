/*
 * The yardstick for `serve echo`: the least that a level-triggered epoll loop can do. What does not fit the socket is
 * dropped with its connection, so it is a yardstick and not a server.
 *
 * epoll_echo PORT: listens on 127.0.0.1 and echoes until it is killed.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, SOMAXCONN) < 0)
		die("epoll_echo: listen");
	return fd;
}

static void add(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_echo: epoll_ctl");
}

static void echo(int fd)
{
	static char buffer[65536];
	ssize_t n = recv(fd, buffer, sizeof buffer, 0);

	if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

int main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener = listen_on(argc > 1 ? (uint16_t)atoi(argv[1]) : 0), epoll = epoll_create1(0);

	add(epoll, listener);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd != listener)
				echo(fd);
			else if ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				add(epoll, fd);
		}
	}
}
