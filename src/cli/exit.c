#include "cli/exit.h"

#include <errno.h>
#include <stdlib.h>

enum exit_code exit_code_of(int err)
{
	switch (abs(err)) {
	case 0:
		return EXIT_DONE;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return EXIT_REFUSED;
	case ETIMEDOUT:
		return EXIT_TIMED_OUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return EXIT_UNREACHABLE;
	case EPROTO:
		return EXIT_PROTOCOL;
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
		return EXIT_ADDRESS;
	case ENXIO: /* pb_dial(): the name is not found */
		return EXIT_NOT_FOUND;
	default:
		return EXIT_FAILED;
	}
}
