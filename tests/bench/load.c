/* tests/bench/load.c - a closed-loop HTTP/1.1 load generator: N keep-alive clients on one thread, each sends its next
 * request when it has its answer. Loopback only, bounded in time.
 *
 *     load PORT CLIENTS SECONDS PATH [BODIES]
 *
 * BODIES: a file with one JSON body a line, taken in turn; without it the requests are GETs. Prints one line of JSON:
 * requests, errors, seconds, per second, latency p50, p90, p99 in ms, CPU seconds of the generator itself. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS_MAX 10000
#define SECONDS_MAX 600
#define ANSWER_BYTES (8 << 20)
#define SAMPLES_MAX (8 << 20)
#define EVENTS 256

struct client {
    int fd;
    double sent_s;
    size_t head, left; /* bytes of the head seen; of the body to come */
    char tail[4096];   /* the head so far */
    int in_body;
};

struct load {
    int epoll;
    char **requests;
    size_t *lengths;
    size_t request_count, next;
    float *samples; /* ms */
    size_t sample_count, errors;
    double start_s, end_s;
};

static char *scratch;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void add_request(struct load *l, const char *path, const char *body)
{
    size_t room = (body != NULL ? strlen(body) : 0) + strlen(path) + 256;
    char *text = malloc(room);
    int len = body == NULL ? snprintf(text, room, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path)
                           : snprintf(text, room,
                                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                                      "Content-Length: %zu\r\n\r\n%s",
                                      path, strlen(body), body);
    l->requests = realloc(l->requests, (l->request_count + 1) * sizeof(char *));
    l->lengths = realloc(l->lengths, (l->request_count + 1) * sizeof(size_t));
    l->requests[l->request_count] = text;
    l->lengths[l->request_count++] = (size_t)len;
}

static void read_bodies(struct load *l, const char *path, const char *file)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(file, "r");
    if (f == NULL) {
        die(file);
    }
    for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
        line[strcspn(line, "\n")] = '\0';
        add_request(l, path, line);
    }
    free(line);
    fclose(f);
}

static void send_next(struct load *l, struct client *c)
{
    size_t i = l->next++ % l->request_count, done = 0;
    c->sent_s = now_s();
    c->head = 0;
    c->in_body = 0;
    while (done < l->lengths[i]) {
        ssize_t n = send(c->fd, l->requests[i] + done, l->lengths[i] - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            die("send");
        }
        done += n > 0 ? (size_t)n : 0;
    }
}

static void connect_client(struct load *l, struct client *c, int port)
{
    int on = 1;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        die("connect");
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e);
    send_next(l, c);
}

/* Takes bytes of the head; returns how many belong to it. Sets left once it is complete. */
static size_t take_head(struct load *l, struct client *c, const char *bytes, size_t len)
{
    size_t before = c->head, room = sizeof(c->tail) - 1 - before;
    size_t n = len < room ? len : room;
    memcpy(c->tail + before, bytes, n);
    c->tail[before + n] = '\0';
    char *end = strstr(c->tail, "\r\n\r\n");
    if (end == NULL) {
        c->head = before + n;
        return n;
    }
    char *field = strcasestr(c->tail, "\r\ncontent-length:");
    c->left = field != NULL && field < end ? strtoull(field + 17, NULL, 10) : 0;
    c->in_body = 1;
    l->errors += strncmp(c->tail, "HTTP/1.1 200", 12) != 0;
    return (size_t)(end + 4 - c->tail) - before;
}

static void finish(struct load *l, struct client *c)
{
    double t = now_s();
    if (l->sample_count < SAMPLES_MAX) {
        l->samples[l->sample_count++] = (float)((t - c->sent_s) * 1e3);
    }
    if (t < l->end_s) {
        send_next(l, c);
    }
}

static void readable(struct load *l, struct client *c)
{
    ssize_t n = recv(c->fd, scratch, ANSWER_BYTES, 0);
    if (n <= 0) {
        die("the server closed a connection");
    }
    size_t used = c->in_body ? 0 : take_head(l, c, scratch, (size_t)n);
    size_t body = (size_t)n - used;
    c->left -= c->in_body && body <= c->left ? body : 0;
    if (c->in_body && c->left == 0) {
        finish(l, c);
    }
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void report(struct load *l)
{
    struct rusage u;
    double seconds = now_s() - l->start_s;
    size_t n = l->sample_count;
    getrusage(RUSAGE_SELF, &u);
    qsort(l->samples, n, sizeof(float), by_size);
    double cpu = (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
                 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    printf("{\"requests\":%zu,\"errors\":%zu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,"
           "\"p99_ms\":%.3f,\"cpu_s\":%.3f}\n",
           n, l->errors, seconds, (double)n / seconds, n ? l->samples[n / 2] : 0, n ? l->samples[n * 9 / 10] : 0,
           n ? l->samples[n * 99 / 100] : 0, cpu);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: load PORT CLIENTS SECONDS PATH [BODIES]\n");
        return 2;
    }
    int port = atoi(argv[1]), clients = atoi(argv[2]);
    double seconds = atof(argv[3]);
    if (clients < 1 || clients > CLIENTS_MAX || seconds <= 0 || seconds > SECONDS_MAX) {
        fprintf(stderr, "load: 1 to %d clients, at most %d seconds\n", CLIENTS_MAX, SECONDS_MAX);
        return 2;
    }
    struct load l = {.epoll = epoll_create1(0), .samples = malloc(SAMPLES_MAX * sizeof(float))};
    struct client *all = calloc((size_t)clients, sizeof(*all));
    scratch = malloc(ANSWER_BYTES);
    if (argc > 5) {
        read_bodies(&l, argv[4], argv[5]);
    } else {
        add_request(&l, argv[4], NULL);
    }
    l.start_s = now_s();
    l.end_s = l.start_s + seconds;
    for (int i = 0; i < clients; i++) {
        connect_client(&l, &all[i], port);
    }
    struct epoll_event events[EVENTS];
    while (now_s() < l.end_s) {
        int n = epoll_wait(l.epoll, events, EVENTS, 100);
        for (int i = 0; i < n; i++) {
            readable(&l, events[i].data.ptr);
        }
    }
    report(&l);
    return 0;
}
