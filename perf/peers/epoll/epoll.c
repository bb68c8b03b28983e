/*
 * epoll serves the packet dialect with nothing but the kernel: one thread,
 * level-triggered epoll, one read buffer for all connections, one write for the
 * replies to all complete frames of a read. A server that costs more than this pays for
 * its additional work.
 *
 *     gcc -O2 -o /tmp/epoll epoll.c && /tmp/epoll --listen 127.0.0.1:8888
 *
 * It ends on SIGTERM or an interrupt, with 0. While a client does not read its replies,
 * the server reads no more from it. Limits: frames of 1 MiB, a
 * bad length closes the connection; connections up to the hard limit of open
 * files; one more ends the server.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEADER = 13,            /* total (4), command (1), id (8) */
	REPLY = HEADER + 1,     /* and the result */
	MAX_FRAME = 1 << 20,
	READ_SIZE = 64 << 10,   /* bytes of one read */
	MAX_REPLIES = (READ_SIZE / HEADER + 1) * REPLY, /* for the frames that end in one read */
	MAX_EVENTS = 1024,
	MAX_CONNS = 1 << 20,
	BACKLOG = 65535         /* the kernel limits it to net.core.somaxconn */
};

/* conn holds what a connection leaves for the next iteration; usually nothing. */
struct conn {
	uint8_t *part;          /* the beginning of a frame, or NULL */
	uint8_t *unsent;        /* replies that the socket did not take, or NULL */
	uint32_t part_len, unsent_len;
};

static struct conn *conns;      /* by descriptor */
static uint32_t max_conns;
static int poller;
static uint8_t input[MAX_FRAME + READ_SIZE], replies[MAX_REPLIES];

static void fail(const char *what)
{
	fprintf(stderr, "epoll: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void watch(int op, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll_ctl(poller, op, fd, &e) < 0)
		fail("epoll_ctl");
}

/* drop closes a connection; epoll removes it by itself. */
static void drop(int fd)
{
	free(conns[fd].part);
	free(conns[fd].unsent);
	conns[fd] = (struct conn){0};
	close(fd);
}

/* copy returns a copy of n bytes, NULL if n is 0. */
static uint8_t *copy(const uint8_t *bytes, uint32_t n)
{
	if (n == 0)
		return NULL;
	uint8_t *to = malloc(n);
	if (!to)
		fail("malloc");
	return memcpy(to, bytes, n);
}

/* keep stores n bytes as the part of a frame that the next read continues. */
static void keep(struct conn *c, const uint8_t *bytes, uint32_t n)
{
	free(c->part);
	c->part = copy(bytes, n);
	c->part_len = n;
}

static int lost(ssize_t n) { return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR); }

/*
 * answer writes n bytes of replies, new or unsent ones. While the socket does
 * not take all of them, the connection waits only to write.
 */
static void answer(int fd, const uint8_t *bytes, uint32_t n)
{
	struct conn *c = &conns[fd];
	uint8_t *before = c->unsent;
	ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
	if (lost(sent)) {
		drop(fd);
		return;
	}
	if (sent < 0)
		sent = 0;
	c->unsent_len = n - (uint32_t)sent;
	c->unsent = copy(bytes + sent, c->unsent_len);
	if (c->unsent && !before)
		watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
	else if (before && !c->unsent)
		watch(EPOLL_CTL_MOD, fd, EPOLLIN);
	free(before);
}

static uint32_t frame_len(const uint8_t *b)
{
	uint32_t n;
	memcpy(&n, b, sizeof n);
	return ntohl(n);
}

/* append_reply writes the reply to a frame at to and returns the end of it. */
static uint8_t *append_reply(uint8_t *to, const uint8_t *frame)
{
	static const uint8_t total[4] = {0, 0, 0, REPLY};
	memcpy(to, total, sizeof total);
	to[4] = frame[4] | 0x80;
	memcpy(to + 5, frame + 5, HEADER - 5);
	to[HEADER] = 0;
	return to + REPLY;
}

/* receive reads once and answers all complete frames. */
static void receive(int fd)
{
	struct conn *c = &conns[fd];
	uint32_t have = c->part_len, used = 0;
	if (have)
		memcpy(input, c->part, have);
	ssize_t got = recv(fd, input + have, READ_SIZE, 0);
	if (lost(got)) {
		drop(fd);
		return;
	}
	if (got < 0)
		return;
	have += (uint32_t)got;

	uint8_t *to = replies;
	while (have - used >= 4) {
		uint32_t n = frame_len(input + used);
		if (n < HEADER || n > MAX_FRAME) {
			drop(fd);
			return;
		}
		if (n > have - used)
			break;
		to = append_reply(to, input + used);
		used += n;
	}
	if (c->part || used < have)
		keep(c, input + used, have - used);
	if (to > replies)
		answer(fd, replies, (uint32_t)(to - replies));
}

/* take accepts all waiting connections. */
static void take(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			fail("accept");
		if ((uint32_t)fd >= max_conns) {
			errno = EMFILE;
			fail("accept");
		}
		watch(EPOLL_CTL_ADD, fd, EPOLLIN);
	}
}

/* listen_on opens the listener; addr is a.b.c.d:port. */
static int listen_on(const char *addr)
{
	char host[INET_ADDRSTRLEN];
	struct sockaddr_in to = {.sin_family = AF_INET};
	const char *colon = strrchr(addr, ':');
	size_t host_len = colon ? (size_t)(colon - addr) : sizeof host;
	if (host_len < sizeof host) {
		memcpy(host, addr, host_len);
		host[host_len] = 0;
		to.sin_port = htons((uint16_t)atoi(colon + 1));
	}
	if (host_len >= sizeof host || inet_pton(AF_INET, host, &to.sin_addr) != 1) {
		errno = EINVAL;
		fail(addr);
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		fail("socket");
	/* Accepted sockets inherit TCP_NODELAY. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		fail("setsockopt");
	if (bind(fd, (struct sockaddr *)&to, sizeof to) < 0 || listen(fd, BACKLOG) < 0)
		fail(addr);
	return fd;
}

/* make_conns raises the limit of open files and allocates a conn for each. */
static void make_conns(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail("setrlimit");
	max_conns = limit.rlim_cur < MAX_CONNS ? (uint32_t)limit.rlim_cur : MAX_CONNS;
	conns = calloc(max_conns, sizeof *conns); /* unused pages cost nothing */
	if (!conns)
		fail("calloc");
}

/* serve runs until a signal. */
static void serve(int listener)
{
	static struct epoll_event events[MAX_EVENTS];
	for (;;) {
		int n = epoll_wait(poller, events, MAX_EVENTS, -1);
		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener)
				take(listener);
			else if (conns[fd].unsent)
				answer(fd, conns[fd].unsent, conns[fd].unsent_len);
			else
				receive(fd);
		}
	}
}

static void end(int signal)
{
	(void)signal;
	_exit(0); /* the kernel closes all sockets */
}

int main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "--listen") != 0) {
		fprintf(stderr, "usage: epoll --listen a.b.c.d:port\n");
		return 2;
	}
	signal(SIGTERM, end);
	signal(SIGINT, end);
	make_conns();
	poller = epoll_create1(EPOLL_CLOEXEC);
	if (poller < 0)
		fail("epoll_create1");
	int listener = listen_on(argv[2]);
	watch(EPOLL_CTL_ADD, listener, EPOLLIN);
	serve(listener);
}
