/* world.c: a library that stands between the daemon and libc, as simulators do, and is as strict as they are.
 *
 * It gives the daemon a monotonic clock that starts near zero and a wall clock in 2010, knows IPv4 only, and ends
 * the process where such a library would: at clocks it does not know, at timers on the wall clock, at sockets that
 * are shared or duplicated, at messages in several parts, at control buffers that are too small. What ends the
 * process is named on standard error, so a test can tell.
 *
 *     cc -shared -fPIC -o world.so world.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#define WALL_START 1262304000L /* 2010-01-01 */
#define MAX_FD 4096

static char is_udp[MAX_FD];
static struct timespec real_start, monotonic_start;

static void forbidden(const char *what)
{
    fprintf(stderr, "world: %s is not for this world\n", what);
    abort();
}

static void *next(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (!symbol)
        forbidden(name);
    return symbol;
}

static int real_gettime(clockid_t clock, struct timespec *time)
{
    static int (*gettime)(clockid_t, struct timespec *);

    if (!gettime)
        gettime = (int (*)(clockid_t, struct timespec *))next("clock_gettime");
    return gettime(clock, time);
}

__attribute__((constructor)) static void begin(void)
{
    real_gettime(CLOCK_REALTIME, &real_start);
    real_gettime(CLOCK_MONOTONIC, &monotonic_start);
}

static void show_true_time(const struct timespec *real, const struct timespec *wall);

static void since(struct timespec *time, const struct timespec *start, long base)
{
    time->tv_sec -= start->tv_sec;
    time->tv_nsec -= start->tv_nsec;
    if (time->tv_nsec < 0) {
        time->tv_nsec += 1000000000;
        time->tv_sec--;
    }
    time->tv_sec += base;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        forbidden("a clock other than CLOCK_REALTIME and CLOCK_MONOTONIC");
    if (real_gettime(clock, time) < 0)
        return -1;
    if (clock == CLOCK_REALTIME) {
        struct timespec real = *time;

        since(time, &real_start, WALL_START);
        show_true_time(&real, time);
    } else
        since(time, &monotonic_start, 0);
    return 0;
}

int timerfd_create(clockid_t clock, int flags)
{
    (void)clock;
    (void)flags;
    forbidden("timerfd_create");
    return -1;
}

int socket(int domain, int type, int protocol)
{
    int (*make)(int, int, int) = (int (*)(int, int, int))next("socket");
    int fd;

    if (domain == AF_INET6 || (domain == AF_INET && type != SOCK_DGRAM)) {
        errno = EINVAL;
        return -1;
    }
    fd = make(domain, type, protocol);
    if (fd >= 0 && fd < MAX_FD)
        is_udp[fd] = domain == AF_INET;
    return fd;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    int (*set)(int, int, int, const void *, socklen_t) =
        (int (*)(int, int, int, const void *, socklen_t))next("setsockopt");

    if (level == SOL_SOCKET && name == SO_REUSEPORT)
        forbidden("SO_REUSEPORT");
    return set(fd, level, name, value, length);
}

int dup(int fd)
{
    if (fd >= 0 && fd < MAX_FD && is_udp[fd])
        forbidden("dup of a UDP socket");
    return fcntl(fd, F_DUPFD, 0);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t (*receive)(int, struct msghdr *, int) = (ssize_t (*)(int, struct msghdr *, int))next("recvmsg");
    ssize_t length;

    if (fd >= 0 && fd < MAX_FD && is_udp[fd]) {
        if (message->msg_iovlen != 1)
            forbidden("a message in several parts");
        if (message->msg_controllen < 256)
            forbidden("a small control buffer");
    }
    length = receive(fd, message, flags);
    /* Stamps are of this world's clock. */
    if (length >= 0 && is_udp[fd]) {
        struct cmsghdr *c;

        for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
            if (c->cmsg_level == SOL_SOCKET && (c->cmsg_type == SCM_TIMESTAMPING || c->cmsg_type == SCM_TIMESTAMPNS)) {
                struct timespec *stamp = (struct timespec *)CMSG_DATA(c);

                if (stamp->tv_sec || stamp->tv_nsec)
                    since(stamp, &real_start, WALL_START);
            }
        }
    }
    return length;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout)
{
    (void)fd, (void)messages, (void)count, (void)flags, (void)timeout;
    forbidden("recvmmsg with workers = 0");
    return -1;
}

#define SEGMENT_KEY (0x4e545030 + 2)

static struct {
    int mode, count;
    time_t clock_s;
    int clock_us;
    time_t receive_s;
    int receive_us, leap, precision, samples, valid;
    unsigned clock_ns, receive_ns;
    int unused[8];
} segment;
static char is_attached;

static void show_true_time(const struct timespec *real, const struct timespec *wall)
{
    double since_last = (wall->tv_sec - segment.receive_s) + (wall->tv_nsec - (double)segment.receive_ns) * 1e-9;

    if (!is_attached || since_last < 0.5)
        return;
    segment.mode = 1;
    segment.count++;
    segment.clock_s = real->tv_sec;
    segment.clock_us = real->tv_nsec / 1000;
    segment.clock_ns = real->tv_nsec;
    segment.receive_s = wall->tv_sec;
    segment.receive_us = wall->tv_nsec / 1000;
    segment.receive_ns = wall->tv_nsec;
    segment.precision = -20;
    segment.valid = 1;
}

int shmget(key_t key, size_t size, int flags)
{
    (void)flags;
    if (key != SEGMENT_KEY || size > sizeof segment) {
        errno = ENOENT;
        return -1;
    }
    return key;
}

void *shmat(int id, const void *place, int flags)
{
    (void)place;
    (void)flags;
    if (id != SEGMENT_KEY)
        forbidden("memory that is not there");
    is_attached = 1;
    return &segment;
}

int shmdt(const void *place)
{
    (void)place;
    is_attached = 0;
    return 0;
}
