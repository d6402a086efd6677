/* The calls of libc's that packetdrill makes about sockets of ours. */
#ifndef DRILL_INTERPOSE_H
#define DRILL_INTERPOSE_H

/* From now on the program's own getsockopt() and close() know our sockets. */
void drill_interpose(void);

#endif
