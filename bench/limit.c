// limit.c: the physical limit of a UDP NTP responder on one core, and the cost of each thing a real server adds.
//   cc -O2 -march=native -o limit limit.c
//   limit [-p port] [-b batch] [-R rcvbuf] [-w] FEATURES
// FEATURES, comma separated (order free):
//   single   recvmsg/sendmsg one at a time      (else recvmmsg/sendmmsg of -b)
//   ts       SO_TIMESTAMPNS on reception
//   pktinfo  IP_PKTINFO received and sent back (a wildcard-bound server needs this)
//   acl      1000-subnet access list (sorted ranges, binary search)
//   aclt     the same list as a DIR-24-8 style two-level table (O(1))
//   track    per-client hash table (1M slots, 64 B, prefetched over the batch): counters
//   rate     token bucket in the same slot
//   coal     under load, wait 60 us before the next receive so that batches (and softirq runs) grow
//   tx1      receive in batches, but stamp and send each reply by itself (a batched reply leaves
//            up to batch x 2.5 us after its transmit timestamp was taken)
//   df       IP_PMTUDISC_PROBE: don't-fragment replies need no hashed IP identification
//   txts     ask for a software TX timestamp per reply (what interleaved kernel TX stamps cost)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#define MAXB 256
#define CTL 128
struct slot { uint32_t ip, hits; uint64_t rx, tx; uint32_t tokens, last_ms; uint32_t drops, pad[7]; };
_Static_assert(sizeof(struct slot) == 64, "one cache line");
static struct slot *tab; static const uint32_t TABN = 1u << 20;
static uint64_t calls_rx, pkts_rx, calls_tx, drops;
static volatile sig_atomic_t stop;
static void on_term(int s) { (void)s; stop = 1; }
struct range { uint32_t lo, hi; };
static struct range acl[1001]; static int nacl;
static uint8_t *dir24;                       // 16M x 1 bit-in-byte: 1 = allowed, 2 = look deeper
static int cmp(const void *a, const void *b) { const struct range *x = a, *y = b; return x->lo < y->lo ? -1 : x->lo > y->lo; }
static void make_acl(void) {
    for (int i = 0; i < 999; i++) { uint32_t lo = (0x0b000000u + i * 0x10100u) & ~0xffu; acl[nacl++] = (struct range){lo, lo + 255}; }
    acl[nacl++] = (struct range){0x0a000000u, 0x0affffffu};   // 10/8, where the load comes from
    qsort(acl, nacl, sizeof acl[0], cmp);
    dir24 = mmap(0, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < nacl; i++) for (uint64_t a = acl[i].lo >> 8; a <= acl[i].hi >> 8; a++) dir24[a] = 1;
}
static inline int acl_ok(uint32_t ip) {
    int lo = 0, hi = nacl;
    while (lo < hi) { int m = (lo + hi) / 2; if (acl[m].hi < ip) lo = m + 1; else hi = m; }
    return lo < nacl && acl[lo].lo <= ip;
}
static uint64_t seed = 0x9e3779b97f4a7c15ull;
static inline struct slot *slot_of(uint32_t ip) { uint64_t h = (ip ^ seed) * 0xff51afd7ed558ccdull; return &tab[(h >> 40) & (TABN - 1)]; }
static inline uint64_t ntp(const struct timespec *t) {
    return ((uint64_t)(t->tv_sec + 2208988800u) << 32) | (uint64_t)(((__uint128_t)(uint64_t)t->tv_nsec * 18446744074ull) >> 32);
}
static inline void put64(uint8_t *p, uint64_t v) { v = __builtin_bswap64(v); memcpy(p, &v, 8); }
int main(int argc, char **argv) {
    int port = 123, batch = 64, rcvbuf = 0, o;
    while ((o = getopt(argc, argv, "p:b:R:")) != -1) { if (o == 'p') port = atoi(optarg); else if (o == 'b') batch = atoi(optarg); else if (o == 'R') rcvbuf = atoi(optarg); }
    char f[256]; snprintf(f, sizeof f, ",%s,", optind < argc ? argv[optind] : "");
    int single = !!strstr(f, ",single,"), ts = !!strstr(f, ",ts,"), pki = !!strstr(f, ",pktinfo,"), acl1 = !!strstr(f, ",acl,"),
        aclt = !!strstr(f, ",aclt,"), track = !!strstr(f, ",track,"), rate = !!strstr(f, ",rate,"), txts = !!strstr(f, ",txts,"),
        coal = !!strstr(f, ",coal,"), df = !!strstr(f, ",df,"), tx1 = !!strstr(f, ",tx1,");
    if (single) batch = 1;
    if (batch > MAXB) batch = MAXB;
    make_acl();
    tab = mmap(0, TABN * sizeof *tab, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    madvise(tab, TABN * sizeof *tab, MADV_HUGEPAGE);
    struct sigaction sa = {.sa_handler = on_term}; sigaction(SIGTERM, &sa, 0); sigaction(SIGINT, &sa, 0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
    struct sockaddr_in la = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ts) setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
    if (pki) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
    if (txts) { int v = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY | SOF_TIMESTAMPING_OPT_ID; setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &v, sizeof v); }
    if (df) { int v = IP_PMTUDISC_PROBE; setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v, sizeof v); }
    if (coal) prctl(PR_SET_TIMERSLACK, 1);
    if (rcvbuf) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof rcvbuf);
    if (bind(fd, (void *)&la, sizeof la)) { perror("bind"); return 1; }
    static struct mmsghdr rx[MAXB], tx[MAXB]; static struct iovec ri[MAXB], ti[MAXB];
    static struct sockaddr_in from[MAXB]; static uint8_t buf[MAXB][1024], out[MAXB][48]; static uint8_t ctl[MAXB][CTL];
    for (int i = 0; i < MAXB; i++) {
        ri[i] = (struct iovec){buf[i], sizeof buf[i]};
        rx[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &ri[i], .msg_iovlen = 1};
    }
    while (!stop) {
        for (int i = 0; i < batch; i++) {
            rx[i].msg_hdr.msg_namelen = sizeof from[i];
            rx[i].msg_hdr.msg_control = ts || pki ? ctl[i] : 0; rx[i].msg_hdr.msg_controllen = ts || pki ? CTL : 0;
        }
        int n;
        if (single) { ssize_t r = recvmsg(fd, &rx[0].msg_hdr, 0); n = r < 0 ? -1 : 1; rx[0].msg_len = r; }
        else n = recvmmsg(fd, rx, batch, MSG_WAITFORONE, 0);
        if (n < 0) { if (errno == EINTR) continue; if (txts) { n = 0; } else { perror("recv"); return 1; } }
        calls_rx++; pkts_rx += n;
        struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
        uint64_t tnow = ntp(&now); uint32_t ms = now.tv_sec * 1000u + now.tv_nsec / 1000000u;
        if (track || rate) for (int i = 0; i < n; i++) __builtin_prefetch(slot_of(ntohl(from[i].sin_addr.s_addr)), 1);
        int m = 0;
        for (int i = 0; i < n; i++) {
            uint8_t *q = buf[i]; uint32_t ip = ntohl(from[i].sin_addr.s_addr);
            if (rx[i].msg_len < 48 || (q[0] & 7) != 3 || ((q[0] >> 3) & 7) == 0) continue;
            if (acl1 && !acl_ok(ip)) { drops++; continue; }
            if (aclt && !dir24[ip >> 8]) { drops++; continue; }
            uint64_t trx = tnow; void *pk = 0;
            if (ts || pki) for (struct cmsghdr *c = CMSG_FIRSTHDR(&rx[i].msg_hdr); c; c = CMSG_NXTHDR(&rx[i].msg_hdr, c)) {
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) { struct timespec t; memcpy(&t, CMSG_DATA(c), sizeof t); trx = ntp(&t); }
                else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) pk = CMSG_DATA(c);
            }
            if (track || rate) {
                struct slot *s = slot_of(ip);
                if (s->ip != ip) { memset(s, 0, sizeof *s); s->ip = ip; s->tokens = 1 << 20; s->last_ms = ms; }
                s->hits++; s->rx = trx; s->tx = tnow;
                if (rate) {
                    uint32_t d = ms - s->last_ms; s->last_ms = ms;
                    uint64_t t = (uint64_t)s->tokens + (uint64_t)d * 1024; s->tokens = t > (1 << 20) ? 1 << 20 : t;
                    if (s->tokens < 64) { s->drops++; drops++; continue; }
                    s->tokens -= 64;
                }
            }
            uint8_t *p = out[m];
            p[0] = (q[0] & 0x38) | 4; p[1] = 1; p[2] = q[2]; p[3] = (uint8_t)-25; memset(p + 4, 0, 8); memcpy(p + 12, "LOCL", 4);
            put64(p + 16, tnow & ~0xffffffffull); memcpy(p + 24, q + 40, 8); put64(p + 32, trx); put64(p + 40, tnow);
            ti[m] = (struct iovec){p, 48};
            tx[m].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &ti[m], .msg_iovlen = 1};
            if (pk) {   // send from the address the request came to: reuse the received block
                static uint8_t tc[MAXB][CMSG_SPACE(sizeof(struct in_pktinfo))]; struct cmsghdr *c = (void *)tc[m];
                c->cmsg_level = IPPROTO_IP; c->cmsg_type = IP_PKTINFO; c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
                struct in_pktinfo *a = pk; struct in_pktinfo b = {.ipi_spec_dst = a->ipi_spec_dst}; memcpy(CMSG_DATA(c), &b, sizeof b);
                tx[m].msg_hdr.msg_control = tc[m]; tx[m].msg_hdr.msg_controllen = sizeof tc[m];
            }
            m++;
        }
        if (tx1) for (int d = 0; d < m; d++) {
            clock_gettime(CLOCK_REALTIME, &now); put64((uint8_t *)tx[d].msg_hdr.msg_iov->iov_base + 40, ntp(&now)); sendmsg(fd, &tx[d].msg_hdr, 0); calls_tx++;
        }
        else if (single) { if (m) { sendmsg(fd, &tx[0].msg_hdr, 0); calls_tx++; } }
        else for (int d = 0; d < m;) { int r = sendmmsg(fd, tx + d, m - d, 0); calls_tx++; d += r > 0 ? r : 1; }
        if (coal && n > 1 && n < batch / 2) { struct timespec w = {0, 60000}; nanosleep(&w, 0); }
        if (txts) {   // drain the error queue in batches too
            static struct mmsghdr er[MAXB]; static uint8_t ec[MAXB][256];
            for (int i = 0; i < batch; i++) er[i].msg_hdr = (struct msghdr){.msg_control = ec[i], .msg_controllen = 256};
            while (recvmmsg(fd, er, batch, MSG_ERRQUEUE | MSG_DONTWAIT, 0) == batch && batch > 1) for (int i = 0; i < batch; i++) er[i].msg_hdr.msg_controllen = 256;
        }
    }
    fprintf(stderr, "limit: %lu packets, %lu rx calls (%.1f per call), %lu tx calls, %lu dropped\n", pkts_rx, calls_rx, calls_rx ? (double)pkts_rx / calls_rx : 0, calls_tx, drops);
    return 0;
}
