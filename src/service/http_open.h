/* Opening names below a root that nothing leads out of, symbolic links included. */
#ifndef SERVICE_HTTP_OPEN_H
#define SERVICE_HTTP_OPEN_H

/*
 * Open for reading, without blocking, what path (relative; "" is the root itself) names below the directory
 * root. Links that stay inside are followed, absolute ones too; on kernels without openat2(2) none is. A
 * descriptor or -errno; -EXDEV: it leads out of the root.
 */
int http_open(int root, const char *path);

/* The same, always by the way of kernels before 5.6. */
int http_open_without_openat2(int root, const char *path);

#endif
