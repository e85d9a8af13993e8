/* A system clock that takes every order and does not move, for programs that end or serve nothing when they may not
 * set the clock. Nothing here reaches the kernel but questions: the clock of the machine is left alone.
 *
 * With HURRY=n in the environment, the program's monotonic clock runs n times as fast and `poll` waits 1/n as long, for
 * programs that take minutes until they are satisfied. What time of day it is, and so what is measured and served,
 * stays as it is. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static long frequency;
static int status;

static int obey(struct timex *order)
{
    unsigned int modes = order->modes;
    struct timex asked = *order;
    if (modes == ADJ_OFFSET_SINGLESHOT || modes == ADJ_OFFSET_SS_READ) {
        order->offset = 0;
        return TIME_OK;
    }
    order->modes = 0;
    if (syscall(SYS_adjtimex, order) < 0)
        return -1;
    if (modes & ADJ_FREQUENCY)
        frequency = asked.freq;
    if (modes & ADJ_STATUS)
        status = asked.status & ~STA_RONLY;
    order->modes = modes;
    order->freq = frequency;
    order->offset = 0;
    order->status = status | (order->status & STA_RONLY);
    return status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int adjtimex(struct timex *order) { return obey(order); }
int ntp_adjtime(struct timex *order) { return obey(order); }
int clock_adjtime(clockid_t clock, struct timex *order) { (void)clock; return obey(order); }

int adjtime(const struct timeval *delta, struct timeval *left)
{
    (void)delta;
    if (left)
        left->tv_sec = left->tv_usec = 0;
    return 0;
}

int clock_settime(clockid_t clock, const struct timespec *time)
{
    (void)clock;
    (void)time;
    return 0;
}

int settimeofday(const struct timeval *time, const struct timezone *zone)
{
    (void)time;
    (void)zone;
    return 0;
}

static long hurry(void)
{
    static long factor;
    if (factor == 0) {
        const char *wish = getenv("HURRY");
        long number = wish ? atol(wish) : 1;
        factor = number > 1 ? number : 1;
    }
    return factor;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_MONOTONIC && hurry() > 1) {
        long long nanos = (time->tv_sec * 1000000000LL + time->tv_nsec) * hurry();
        time->tv_sec = nanos / 1000000000LL;
        time->tv_nsec = nanos % 1000000000LL;
    }
    return result;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (timeout > 0)
        timeout = (int)((timeout + hurry() - 1) / hurry());
    return (int)syscall(SYS_poll, fds, count, timeout);
}
