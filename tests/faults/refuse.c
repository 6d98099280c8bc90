/* Loaded before libc: some calls of sendmmsg and recvmmsg answer with an error, as REFUSE_SEND and REFUSE_RECV say:
   "errno first count", calls counted from 0. Of sendmmsg those with an empty datagram are left alone, of recvmmsg all but
   those of an error queue: that leaves out the unknown number of calls that wait for packets to be stamped. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static int refused(const char *name, int *calls)
{
    const char *rule = getenv(name);
    int error, first, count, call = (*calls)++;
    if (!rule || sscanf(rule, "%d %d %d", &error, &first, &count) != 3 || call < first || call - first >= count)
        return 0;
    errno = error;
    return 1;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int length, int flags)
{
    static int calls;
    int (*real)(int, struct mmsghdr *, unsigned int, int) = dlsym(RTLD_NEXT, "sendmmsg");
    return messages->msg_hdr.msg_iov->iov_len && refused("REFUSE_SEND", &calls) ? -1 : real(fd, messages, length, flags);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int length, int flags, struct timespec *timeout)
{
    static int calls;
    int (*real)(int, struct mmsghdr *, unsigned int, int, struct timespec *) = dlsym(RTLD_NEXT, "recvmmsg");
    return flags & MSG_ERRQUEUE && refused("REFUSE_RECV", &calls) ? -1 : real(fd, messages, length, flags, timeout);
}
