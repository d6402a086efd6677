/*
 * Two computers in one process: two stacks, a cable between them, a call from one to the other. Nothing here needs the
 * kernel's network, and nothing needs to be root. The loop's time is virtual: what waits, waits in no time.
 */
#include <arpa/inet.h>
#include <packetboat/packetboat.h>
#include <stdio.h>
#include <string.h>

/* A stack at one end of a cable, driven by the loop. NULL: out of memory. */
static struct pb_net *host(struct pb_loop *loop, struct pb_device *cable, const char *address)
{
	struct pb_stack_options options = { .now = pb_loop_now(loop) };
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct pb_stack *stack;

	inet_pton(AF_INET, address, &addr.sin_addr);
	if (pb_seed_random(options.seed) < 0 || pb_stack_new(&options, &stack) < 0)
		return NULL;
	int index = pb_stack_attach(stack, cable, "eth0");
	pb_stack_add_address(stack, (unsigned)index, (struct sockaddr *)&addr, 24, PB_USE_AT_ONCE);
	pb_loop_add_net(loop, pb_stack_net(stack));
	return pb_stack_net(stack);
}

int main(void)
{
	struct pb_device *cable[2];
	struct pb_loop *loop;
	struct pb_socket *listener, *client, *server;
	char text[64] = "";

	if (pb_loop_new_virtual(0, &loop) < 0 || pb_device_pair(1500, true, 64, cable) < 0)
		return 1;
	struct pb_net *a = host(loop, cable[0], "10.0.0.1"), *b = host(loop, cable[1], "10.0.0.2");
	if (!a || !b || pb_listen_on(b, "tcp", "10.0.0.2:7", &listener) < 0)
		return 1;
	if (pb_dial(a, "tcp", "10.0.0.2:7", PB_SEC(5), &client) < 0 ||
	    pb_wait(listener, POLLIN, PB_SEC(5)) <= 0 || pb_accept(listener, &server) < 0)
		return 1;
	pb_send_all(client, "hello", 5);
	if (pb_wait(server, POLLIN, PB_SEC(5)) > 0)
		pb_recv(server, text, sizeof text - 1, 0);
	printf("%s, after %.3f ms\n", text, (double)pb_loop_now(loop) / 1e6);
	pb_close(client);
	pb_close(server);
	pb_close(listener);
	pb_loop_free(loop);
	pb_net_close(a);
	pb_net_close(b);
	return strcmp(text, "hello") != 0;
}
