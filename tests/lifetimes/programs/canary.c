/* Loaded before libc: whoever closes a socket finds a file in its place, at once and under the same number. A second
   close would close that file, and whatever is still written to the number would be in it; canary_dead() counts both. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 4096
static const char SONG[] = "tweet\n";
static struct { int number; ino_t inode; } bird[MOST];
static _Atomic int birds;

int close(int fd)
{
    int kind, file;
    socklen_t length = sizeof kind;
    struct stat about;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &length) || birds >= MOST)
        return syscall(SYS_close, fd);
    file = memfd_create("canary", MFD_CLOEXEC);
    if (file < 0 || write(file, SONG, strlen(SONG)) < 0 || fstat(file, &about))
        return -1;
    syscall(SYS_dup3, file, fd, O_CLOEXEC); /* closes the socket, and nobody comes between */
    syscall(SYS_close, file);
    bird[birds].number = fd;
    bird[birds++].inode = about.st_ino;
    return 0;
}

int canary_count(void) { return birds; }

int canary_dead(void)
{
    char heard[16];
    int i, dead = 0;
    struct stat about;

    for (i = 0; i < birds; i++)
        dead += fstat(bird[i].number, &about) || about.st_ino != bird[i].inode
            || pread(bird[i].number, heard, sizeof heard, 0) != (ssize_t) strlen(SONG) || memcmp(heard, SONG, strlen(SONG));
    return dead;
}
