// SPDX-License-Identifier: MIT
// shmword - read, change and wait for single words in shared memory, atomically.
#include "atomic_word.hpp"
#include "command.hpp"
#include "interruption.hpp"
#include "printable.hpp"
#include "segment.hpp"
#include "suggestion.hpp"
#include "wait_options.hpp"
#include "word_type.hpp"

namespace {

constexpr std::string_view examples = "  shmword posix:/counters u64@8 add 1\n"
                                      "  shmword posix:/flags u32@0 set 1\n"
                                      "  shmword posix:/flags u32@0 wait eq 1 -w 2.5\n"
                                      "  shmword sysv:0x51e i32@16 cas 0 $$ || echo taken\n"
                                      "  shmword posix:/header u16be@4\n";

enum class Action { get, set, add, cas, wait };

struct Verb {
    std::string_view name, operands;
    std::size_t count;
    Action action;
};
constexpr Verb verbs[] = {
    {"get", "", 0, Action::get},         {"set", " V", 1, Action::set},      {"add", " V", 1, Action::add},
    {"cas", " OLD NEW", 2, Action::cas}, {"wait", " OP V", 2, Action::wait},
};

struct Request {
    ipc::Address address;
    std::optional<ipc::WordPlace> place;
    std::optional<std::string> verb;
    std::vector<std::string> operands;
    ipc::WaitOptions wait;
};

/// A request that makes sense.
struct Job {
    Action action;
    ipc::WordBits value = 0;    // to set, to add, to compare with
    ipc::WordBits expected = 0; // of cas
    std::optional<ipc::WordComparison> comparison;
    std::int64_t timeout = IPC_FOREVER;

    bool changes() const { return action != Action::get && action != Action::wait; }
};

std::vector<std::string> verb_names()
{
    std::vector<std::string> names;
    for (const Verb &verb : verbs)
        names.emplace_back(verb.name);
    return names;
}

ipc::Result<Verb> find_verb(const std::string &name)
{
    for (const Verb &verb : verbs)
        if (verb.name == name)
            return verb;
    if (const std::optional<std::string> near = ipc::suggestion(name, verb_names()))
        return ipc::usage_error("\"{}\" cannot be done to a word (did you mean {}?)", ipc::printable(name), *near);
    return ipc::usage_error("\"{}\" cannot be done to a word ({} can)", ipc::printable(name),
                            fmt::join(verb_names(), ", "));
}

ipc::Result<Job> understand(const Request &request)
{
    const Verb verb = IPC_TRY(find_verb(request.verb.value_or("get")));
    const std::vector<std::string> &operands = request.operands;
    if (operands.size() != verb.count)
        return ipc::usage_error("{} has {} operands, not {} (write {}{})", verb.name, verb.count, operands.size(),
                                verb.name, verb.operands);
    if (request.wait.given() && verb.action != Action::wait)
        return ipc::usage_error("{} does not wait (leave out --nonblock and --timeout)", verb.name);
    Job job;
    job.action = verb.action;
    job.timeout = IPC_TRY(request.wait.timeout());
    if (verb.action == Action::add)
        job.value = IPC_TRY(request.place->type.read_addend(operands.back()));
    else if (!operands.empty())
        job.value = IPC_TRY(request.place->type.read(operands.back()));
    if (verb.action == Action::cas)
        job.expected = IPC_TRY(request.place->type.read(operands.front()));
    if (verb.action == Action::wait)
        job.comparison = IPC_TRY(ipc::WordComparison::parse(operands.front()));
    return job;
}

ipc::Result<ipc::WordBits> wait_for(ipc::AtomicWord &word, const Request &request, const Job &job)
{
    const ipc::WordType &type = request.place->type;
    ipc::catch_interruptions();
    const ipc::AtomicWord::Waited waited = IPC_TRY(word.wait(
        [&](ipc::WordBits bits) { return job.comparison->holds(type.compare(bits, job.value)); }, job.timeout));
    if (waited.holds)
        return waited.value;
    return ipc::failure(ETIMEDOUT, "{}: {}@{} is {}, not {} {}{}", request.address.text(), type.name(),
                        request.place->offset, type.print(waited.value), job.comparison->name(), type.print(job.value),
                        job.timeout ? " in the time given" : "");
}

ipc::Result<ipc::WordBits> perform(ipc::Segment &segment, const Request &request, const Job &job)
{
    if (job.action == Action::get && !segment.mappable())
        return ipc::copy_word(segment, *request.place);
    ipc::AtomicWord word = IPC_TRY(ipc::AtomicWord::open(segment, *request.place));
    switch (job.action) {
    case Action::get:
        return word.load();
    case Action::set:
        return word.exchange(job.value);
    case Action::add:
        return word.add(job.value);
    case Action::cas:
        return word.compare_exchange(job.expected, job.value);
    case Action::wait:
        break;
    }
    return wait_for(word, request, job);
}

void declare(ipc::Command &command, Request &request)
{
    command.describe("Read, change or wait for one word of shared memory, atomically, and print what was there.",
                     examples);
    command.argument("ADDRESS", request.address, ipc::segment_family, "the segment, such as posix:/name");
    command.argument(
        "TYPE@OFFSET", request.place, ipc::parse_word_place,
        "the word: i8 to i64, u8 to u64, f32 or f64, with le or be behind it for an order of bytes, at this "
        "byte of the segment");
    command.argument("[VERB]", request.verb, "get, which is the default, set V, add V, cas OLD NEW or wait OP V");
    command.argument("[OPERAND...]", request.operands,
                     "what the verb takes: V, OLD and NEW are numbers, OP is eq, ne, lt, le, gt or ge");
    request.wait.declare(command, "for the comparison to hold");
    command.take_negative_numbers();
    command.argument_choices("TYPE@OFFSET", [](const std::vector<std::string> &) {
        std::vector<std::string> places = ipc::WordType::names();
        for (std::string &place : places)
            place += '@';
        return places;
    });
    command.argument_choices("[VERB]", [](const std::vector<std::string> &) { return verb_names(); });
    command.argument_choices("[OPERAND...]", [](const std::vector<std::string> &before) {
        const bool comparison = before.size() == 3 && before.back() == "wait";
        return comparison ? ipc::WordComparison::names() : std::vector<std::string>();
    });
}

} // namespace

ipc::Result<int> ipc::run(Command &command)
{
    Request request;
    declare(command, request);
    IPC_TRY(command.parse());
    const Job job = IPC_TRY(understand(request));
    if (job.changes())
        IPC_TRY(check_output("nothing was changed"));

    Segment segment = IPC_TRY(Segment::open(request.address, job.changes() ? Access::both : Access::read));
    const Result<WordBits> value = perform(segment, request, job);
    if (!value)
        return request.wait.end(value.error());
    const bool lost = job.action == Action::cas && value.value() != job.expected;
    if (job.changes() && !lost)
        IPC_TRY(segment.commit());
    IPC_TRY(print(request.place->type.print(value.value()) + '\n'));
    return lost ? request.wait.empty_status() : status::done;
}
