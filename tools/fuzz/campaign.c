/* A campaign of workers. What they share is anonymous memory: a worker writes its own part, the campaign
 * reads. */
#include "tools/fuzz/campaign.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/fuzz/coverage.h"
#include "tools/fuzz/guide.h"
#include "tools/fuzz/shrink.h"

/* Of processor time. A case takes milliseconds: one that does not end is a finding. */
#define HANG_SECONDS 2
#define SHRINK_TRIES 4000u
#define HANG_TRIES   3u /* each lasts HANG_SECONDS */

struct part {
    struct run_counts counts;
    size_t coverage, corpus;
    bool failed;
    struct run_verdict verdict;
    struct fuzz_case example; /* that runs now, or failed */
};

struct shared {
    atomic_bool stop;
    struct part parts[];
};

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
    (void)number;
    asked_to_stop = 1;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* From now on this process has so long, whatever else the machine does. */
static void be_patient(void)
{
    struct itimerval patience = {.it_value.tv_sec = HANG_SECONDS};
    setitimer(ITIMER_VIRTUAL, &patience, NULL);
}

/* --- a worker --- */

static struct run run;
static struct guide guide;

static void work(struct shared *shared, struct part *part, const struct campaign_options *options,
                 unsigned number)
{
    guide_init(&guide, options->seed + number * UINT64_C(0x632be59bd9b4e019), options->corpus);
    if (options->corpus)
        guide_load(&guide);
    while (!atomic_load(&shared->stop) &&
           (options->sequences_max == 0 || part->counts.sequences < options->sequences_max)) {
        be_patient();
        guide.wants_deep = 4 * part->counts.deep_revokes < part->counts.sequences;
        guide_next(&guide);
        coverage_begin();
        if (!generate_and_run(&run, guide.bytes, guide.size, options->fixed, &part->counts, &part->example,
                              &part->verdict)) {
            part->failed = true;
            break;
        }
        if (coverage_is_new())
            guide_keep(&guide, run.deep_revoke);
        part->coverage = coverage_count();
        part->corpus = guide.count;
    }
    guide_deinit(&guide);
}

static pid_t start_worker(struct shared *shared, const struct campaign_options *options, unsigned number)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    work(shared, &shared->parts[number], options, number);
    _exit(0);
}

/* --- a failing case, in a process of its own --- */

static struct part *trial_part;

static void say_how_it_ended(int status, struct run_verdict *ret_verdict)
{
    bool hang = WIFSIGNALED(status) && WTERMSIG(status) == SIGVTALRM;
    ret_verdict->check = hang ? "hang" : "crash";
    if (hang)
        snprintf(ret_verdict->detail, sizeof ret_verdict->detail, "it does not end in %d s", HANG_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(ret_verdict->detail, sizeof ret_verdict->detail, "%s", strsignal(WTERMSIG(status)));
    else
        snprintf(ret_verdict->detail, sizeof ret_verdict->detail, "exit status %d", WEXITSTATUS(status));
}

bool campaign_fails(const struct fuzz_case *example, struct run_verdict *ret_verdict)
{
    if (!trial_part) {
        void *memory =
            mmap(NULL, sizeof *trial_part, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return false;
        trial_part = memory;
    }
    memset(&trial_part->verdict, 0, sizeof trial_part->verdict);
    memset(&trial_part->counts, 0, sizeof trial_part->counts);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        be_patient();
        /* What a crashing engine has to say was said when it was found. */
        if (!freopen("/dev/null", "w", stderr))
            _exit(3);
        _exit(run_case(&run, example, &trial_part->counts, &trial_part->verdict) ? 0 : 1);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *ret_verdict = trial_part->verdict;
    if (pid <= 0 || status == 0)
        return false;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1) {
        say_how_it_ended(status, ret_verdict);
        ret_verdict->operation = (size_t)trial_part->counts.operations;
    }
    return ret_verdict->check != NULL;
}

/* The same thing must fail; the words of detail may differ. */
static bool fails_alike(void *context, const struct fuzz_case *example)
{
    struct run_verdict verdict;
    return campaign_fails(example, &verdict) && strcmp(verdict.check, (const char *)context) == 0;
}

/* --- the campaign --- */

static void add_up(const struct shared *shared, unsigned jobs, struct campaign_result *result)
{
    memset(&result->counts, 0, sizeof result->counts);
    result->coverage = result->corpus = 0;
    for (unsigned i = 0; i < jobs; i++) {
        const struct part *part = &shared->parts[i];
        result->counts.sequences += part->counts.sequences;
        result->counts.operations += part->counts.operations;
        result->counts.comparisons += part->counts.comparisons;
        result->counts.deep_revokes += part->counts.deep_revokes;
        for (int kind = 0; kind < FUZZ_KINDS; kind++) {
            result->counts.allowed[kind] += part->counts.allowed[kind];
            result->counts.refused[kind] += part->counts.refused[kind];
        }
        if (part->coverage > result->coverage) /* each worker has its own: the best stands for all */
            result->coverage = part->coverage;
        result->corpus += part->corpus;
    }
}

static void print_progress(FILE *file, bool json, const struct campaign_result *result)
{
    double seconds = (double)result->elapsed_ns / 1e9;
    double rate = seconds > 0 ? (double)result->counts.sequences / seconds : 0;
    fprintf(file,
            json
                ? "{\"event\":\"progress\",\"seconds\":%.1f,\"sequences\":%llu,\"sequences_per_second\":%.0f,"
                  "\"operations\":%llu,\"coverage\":%zu,\"corpus\":%zu}\n"
                : "%6.1f s  %9llu sequences  %7.0f/s  %10llu operations  coverage %5zu  corpus %4zu\n",
            seconds, (unsigned long long)result->counts.sequences, rate,
            (unsigned long long)result->counts.operations, result->coverage, result->corpus);
    fflush(file);
}

/* Waits for workers. The first that fails, crashes or hangs stops the others. */
static void reap(struct shared *shared, pid_t *workers, unsigned jobs, unsigned *running,
                 struct campaign_result *result, const struct part **found)
{
    int status;
    pid_t pid;
    while (*running > 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < jobs; i++) {
            if (workers[i] != pid)
                continue;
            workers[i] = 0;
            --*running;
            struct part *part = &shared->parts[i];
            if (status != 0) {
                say_how_it_ended(status, &part->verdict);
                part->failed = true;
            }
            if (part->failed && !*found) {
                *found = part;
                result->failed = true;
                atomic_store(&shared->stop, true);
            }
        }
    }
}

static void watch(struct shared *shared, pid_t *workers, const struct campaign_options *options,
                  FILE *progress, struct campaign_result *result, const struct part **found)
{
    uint64_t begin = now_ns(), next = begin + UINT64_C(1000000000), deadline = begin + options->time_ns;
    unsigned running = options->jobs;
    while (running > 0) {
        /* The shorter of: a look at the workers, the end of the time. */
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
        reap(shared, workers, options->jobs, &running, result, found);
        uint64_t now = now_ns();
        result->elapsed_ns = now - begin;
        if (asked_to_stop)
            result->interrupted = true;
        if (asked_to_stop || (options->time_ns && now >= deadline))
            atomic_store(&shared->stop, true);
        if (progress && now >= next) {
            add_up(shared, options->jobs, result);
            print_progress(progress, options->json, result);
            next = now + UINT64_C(1000000000) * (result->elapsed_ns < UINT64_C(10000000000) ? 1 : 5);
        }
    }
}

int campaign_run(const struct campaign_options *options, FILE *progress, struct campaign_result *ret_result)
{
    size_t size = sizeof(struct shared) + options->jobs * sizeof(struct part);
    struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -errno;
    pid_t workers[CAMPAIGN_JOBS_MAX] = {0};
    const struct part *found = NULL;
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    memset(ret_result, 0, sizeof *ret_result);
    for (unsigned i = 0; i < options->jobs; i++)
        if ((workers[i] = start_worker(shared, options, i)) < 0) {
            int error = errno;
            for (unsigned j = 0; j < i; j++)
                kill(workers[j], SIGKILL);
            while (waitpid(-1, NULL, 0) > 0)
                ;
            munmap(shared, size);
            return -error;
        }
    watch(shared, workers, options, progress, ret_result, &found);
    add_up(shared, options->jobs, ret_result);
    if (found) {
        static struct fuzz_case example;
        struct run_verdict verdict;
        example = found->example;
        ret_result->verdict = found->verdict;
        ret_result->example = &example;
        /* Small only if it fails again: what depends on what ran before is shown as it was. */
        if (campaign_fails(&example, &verdict)) {
            bool hangs = strcmp(verdict.check, "hang") == 0;
            if (verdict.operation + 1 < example.count)
                example.count = verdict.operation + 1; /* what would come after it is never reached */
            ret_result->shrink_tries =
                shrink_case(&example, fails_alike, (void *)verdict.check, hangs ? HANG_TRIES : SHRINK_TRIES);
            campaign_fails(&example, &ret_result->verdict);
        }
    }
    munmap(shared, size);
    return 0;
}
