// SPDX-License-Identifier: MIT
// Time two sides alternately, A B A B …, and print "MEDIAN MIN MAX" of the ratio of their wall times.
//
//     compare [--rounds N] [--starts N] [--rate] [--pin] [--processor] [--after COMMAND] [--times] -- SIDE --- SIDE
//
// A side is one command, or several with `|` (a pipe between them) or `&` (side by side), each with `<` FILE and `>`
// FILE, all as arguments of their own; there is no shell between. `{}` in a word becomes a number that differs each
// time. Without `<` and `>` a command has /dev/null. A side ends when all its commands ended, and each must succeed.
//
//   --starts N   a round starts each side N times
//   --rate       print how many times faster A is, instead of how many times longer it takes
//   --pin        the first command of a side runs on the first CPU, the second on the second
//   --after      what sh runs after each side, outside the measured time
//   --processor  count the processor time of the commands instead of the wall clock's: for what never waits
//   --times      print the times of each round on stderr
#include "refuse.hpp"
#include "rounds.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spawn.h>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Program {
    std::vector<std::string> words;
    std::string input = "/dev/null", output = "/dev/null";
    bool into_next = false;
};
using Side = std::vector<Program>;

struct Comparison {
    long rounds = 7, starts = 1;
    bool rate = false, pin = false, processor = false, times = false;
    const char *after = nullptr;
    Side sides[2];
};

/// Reads one side up to `---` or the end; returns where it stopped.
char **read_side(char **word, Side &side)
{
    side.emplace_back();
    for (; *word && std::string_view(*word) != "---"; word++) {
        std::string_view text = *word;
        if (text == "|" || text == "&") {
            side.back().into_next = text == "|";
            side.emplace_back();
        } else if ((text == "<" || text == ">") && word[1]) {
            (text == "<" ? side.back().input : side.back().output) = *++word;
        } else {
            side.back().words.emplace_back(text);
        }
    }
    for (const Program &program : side)
        if (program.words.empty())
            refuse("a side has a command without a word");
    return word;
}

Comparison read_command_line(char **word)
{
    Comparison comparison;
    for (; *word && std::string_view(*word) != "--"; word++) {
        std::string_view option = *word;
        bool takes_value = option == "--rounds" || option == "--starts" || option == "--after";
        const char *value = takes_value ? *++word : nullptr;
        if (takes_value && !value)
            refuse("%s needs a value", word[-1]);
        if (option == "--rounds")
            comparison.rounds = number(value);
        else if (option == "--starts")
            comparison.starts = number(value);
        else if (option == "--after")
            comparison.after = value;
        else if (option == "--rate")
            comparison.rate = true;
        else if (option == "--pin")
            comparison.pin = true;
        else if (option == "--processor")
            comparison.processor = true;
        else if (option == "--times")
            comparison.times = true;
        else
            refuse("unknown option %s", *word);
    }
    if (*word)
        word = read_side(word + 1, comparison.sides[0]);
    if (!*word)
        refuse("usage: compare [OPTION...] -- SIDE --- SIDE");
    read_side(word + 1, comparison.sides[1]);
    return comparison;
}

std::string numbered(std::string word, long count)
{
    if (std::size_t at = word.find("{}"); at != std::string::npos)
        word.replace(at, 2, std::to_string(count));
    return word;
}

/// What this process may run on, and how its children are put on one CPU of it: they inherit.
class Processors {
public:
    Processors()
    {
        must("sched_getaffinity", sched_getaffinity(0, sizeof all_, &all_));
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &all_))
                cpus_.push_back(cpu);
    }
    std::size_t count() const { return cpus_.size(); }
    void take(std::size_t index) const
    {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpus_[index % cpus_.size()], &one);
        must("sched_setaffinity", sched_setaffinity(0, sizeof one, &one));
    }
    void take_all() const { must("sched_setaffinity", sched_setaffinity(0, sizeof all_, &all_)); }

private:
    cpu_set_t all_;
    std::vector<int> cpus_;
};

/// The standard input and output of one child: descriptors of pipes, or -1 for the program's files.
struct Ends {
    int input = -1, output = -1;
};

pid_t start(const Program &program, Ends ends, long count)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (ends.input >= 0)
        posix_spawn_file_actions_adddup2(&actions, ends.input, 0);
    else
        posix_spawn_file_actions_addopen(&actions, 0, program.input.c_str(), O_RDONLY, 0);
    if (ends.output >= 0)
        posix_spawn_file_actions_adddup2(&actions, ends.output, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, program.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<std::string> words;
    for (const std::string &word : program.words)
        words.push_back(numbered(word, count));
    std::vector<char *> pointers;
    for (std::string &word : words)
        pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_t child = 0;
    if (int code = posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ))
        refuse("%s: %s", pointers[0], std::strerror(code));
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

double in_seconds(const timeval &time)
{
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// The processor time that it took, in seconds.
double expect_success(const Program &program, pid_t child)
{
    int status = 0;
    rusage usage = {};
    must("wait4", wait4(child, &status, 0, &usage));
    if (WIFSIGNALED(status))
        refuse("%s ended by signal %d", program.words[0].c_str(), WTERMSIG(status));
    if (WEXITSTATUS(status))
        refuse("%s ended with status %d", program.words[0].c_str(), WEXITSTATUS(status));
    return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

/// The processor time that all of it took, in seconds.
double run(const Side &side, const Processors *processors, long count)
{
    std::vector<pid_t> children;
    Ends ends;
    for (std::size_t i = 0; i < side.size(); i++) {
        int channel[2] = {-1, -1};
        if (side[i].into_next)
            must("pipe", pipe2(channel, O_CLOEXEC));
        ends.output = channel[1];
        if (processors)
            processors->take(i);
        children.push_back(start(side[i], ends, count));
        for (int end : {ends.input, ends.output})
            if (end >= 0)
                close(end);
        ends.input = channel[0];
    }
    if (processors)
        processors->take_all();
    double seconds = 0;
    for (std::size_t i = 0; i < side.size(); i++)
        seconds += expect_success(side[i], children[i]);
    return seconds;
}

double time_of(const Comparison &comparison, const Side &side, const Processors *processors, long &count)
{
    double processor = 0;
    const double wall = seconds_of([&] {
        for (long i = 0; i < comparison.starts; i++)
            processor += run(side, processors, count++);
    });
    if (comparison.after && std::system(comparison.after) != 0)
        refuse("%s failed", comparison.after);
    return comparison.processor ? processor : wall;
}

} // namespace

int main(int, char **words)
{
    Comparison comparison = read_command_line(words + 1);
    Processors all;
    if (comparison.pin && all.count() < 2)
        refuse("this row needs two CPUs, and one is allowed");
    const Processors *processors = comparison.pin ? &all : nullptr;
    long count = 0;
    for (const Side &side : comparison.sides) // once to warm the caches
        time_of(comparison, side, processors, count);
    Rounds rounds;
    for (long i = 0; i < comparison.rounds; i++) {
        double a = time_of(comparison, comparison.sides[0], processors, count);
        rounds.add(a, time_of(comparison, comparison.sides[1], processors, count));
    }
    if (comparison.times)
        rounds.explain();
    rounds.print(comparison.rate);
    return 0;
}
