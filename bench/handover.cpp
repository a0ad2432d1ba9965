// SPDX-License-Identifier: MIT
// Time how long a lock takes from one command to the next that waits for it, and print "MEDIAN MIN MAX" of the ratio of
// two ways to lock.
//
//     handover [--rounds N] [--times] -- WORD... --- WORD...
//
// The words of a side run what stands behind them while they hold the lock: `flock FILE`, `semlock ADDRESS --`. Two
// loops do so side by side with `handover --stamp FILE`, which says when it began and when it ended, and sleeps in
// between, so that the other one waits by then. From one's end to the other one's beginning is a hand-over.
#include "refuse.hpp"
#include "rounds.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn.h>
#include <string>
#include <string_view>

namespace {

constexpr int times_each = 25; // a loop runs it so often
constexpr useconds_t stay = 4000;

struct Stamp {
    double begin, end;
};

double now()
{
    timespec time = {};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int stamp(const char *path)
{
    Stamp both = {now(), 0};
    usleep(stay);
    const int file = must(path, open(path, O_WRONLY | O_APPEND | O_CLOEXEC));
    both.end = now();
    must(path, write(file, &both, sizeof both));
    return 0;
}

using Words = std::vector<std::string>;

void run(const Words &words)
{
    std::vector<char *> pointers;
    for (const std::string &word : words)
        pointers.push_back(const_cast<char *>(word.c_str()));
    pointers.push_back(nullptr);
    pid_t child = 0;
    if (const int code = posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ))
        refuse("%s: %s", pointers[0], std::strerror(code));
    int status = 0;
    must("waitpid", waitpid(child, &status, 0));
    if (status)
        refuse("%s failed", pointers[0]);
}

pid_t start_loop(const Words &words)
{
    const pid_t child = must("fork", fork());
    if (child)
        return child;
    for (int i = 0; i < times_each; i++)
        run(words);
    std::exit(0);
}

std::vector<Stamp> read_stamps(const char *path)
{
    std::vector<Stamp> stamps(2 * times_each);
    const int file = must(path, open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t bytes = must(path, read(file, stamps.data(), stamps.size() * sizeof(Stamp)));
    close(file);
    stamps.resize(static_cast<std::size_t>(bytes) / sizeof(Stamp));
    std::sort(stamps.begin(), stamps.end(), [](const Stamp &a, const Stamp &b) { return a.begin < b.begin; });
    return stamps;
}

/// The median, in seconds. No two may overlap.
double handover_of(Words words)
{
    char path[] = "/dev/shm/handover-XXXXXX";
    close(must("mkstemp", mkstemp(path)));
    char self[4096] = {};
    must("readlink", readlink("/proc/self/exe", self, sizeof self - 1));
    words.insert(words.end(), {self, "--stamp", path});
    const pid_t loops[] = {start_loop(words), start_loop(words)};
    for (const pid_t loop : loops) {
        int status = 0;
        must("waitpid", waitpid(loop, &status, 0));
        if (status)
            refuse("a loop failed");
    }
    const std::vector<Stamp> stamps = read_stamps(path);
    unlink(path);
    if (stamps.size() != 2 * times_each)
        refuse("%zu commands ran, not %d", stamps.size(), 2 * times_each);
    std::vector<double> gaps;
    for (std::size_t i = 1; i < stamps.size(); i++)
        gaps.push_back(stamps[i].begin - stamps[i - 1].end);
    std::sort(gaps.begin(), gaps.end());
    if (gaps.front() < 0)
        refuse("two had the lock at once");
    return gaps[gaps.size() / 2];
}

} // namespace

int main(int count, char **words)
{
    if (count == 3 && std::string_view(words[1]) == "--stamp")
        return stamp(words[2]);
    long rounds = 7;
    bool times = false;
    for (words++; *words && std::string_view(*words) != "--"; words++)
        if (std::string_view(*words) == "--times")
            times = true;
        else if (std::string_view(*words) == "--rounds" && words[1])
            rounds = number(*++words);
        else
            refuse("unknown option %s", *words);
    Words sides[2];
    for (int side = 0; side < 2; side++)
        while (*words && *++words && std::string_view(*words) != "---")
            sides[side].emplace_back(*words);
    if (sides[0].empty() || sides[1].empty())
        refuse("usage: handover [--rounds N] [--times] -- WORD... --- WORD...");
    Rounds all;
    for (long i = 0; i < rounds; i++) {
        const double a = handover_of(sides[0]);
        all.add(a, handover_of(sides[1]));
    }
    if (times)
        all.explain();
    all.print(false);
    return 0;
}
