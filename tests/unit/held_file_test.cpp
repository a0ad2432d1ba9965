// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <ipc/held_file.hpp>

#include <sys/wait.h>

#include <string>

using ipc::HeldFacts;
using ipc::HeldFile;
using ipc::HeldMapping;
using Source = ipc::HeldMapping::Source;

namespace {

/// Shared memory of this process under a name, mapped and not open.
class Mapped {
public:
    explicit Mapped(const char *name, int flags = MAP_SHARED, int protection = PROT_READ | PROT_WRITE)
    {
        const ipc::Fd file(memfd_create(name, MFD_CLOEXEC));
        REQUIRE(ftruncate(file.get(), length) == 0);
        REQUIRE(pwrite(file.get(), "alive", 5, 0) == 5);
        start_ = mmap(nullptr, length, protection, flags, file.get(), 0);
        REQUIRE(start_ != MAP_FAILED);
    }
    ~Mapped() { munmap(start_, length); }
    Mapped(const Mapped &) = delete;

    char *text() { return static_cast<char *>(start_); }
    HeldFile place() const
    {
        const auto first = reinterpret_cast<std::uintptr_t>(start_);
        return {getpid(), -1, first, first + length};
    }
    /// Something else in the same place.
    void replace()
    {
        REQUIRE(mmap(start_, length, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == start_);
    }

    static constexpr std::size_t length = 2 * 4096;

private:
    void *start_;
};

} // namespace

TEST_CASE("a held file has one name for each way to hold it")
{
    const std::optional<HeldFile> open = HeldFile::parse("812/5");
    REQUIRE(open);
    CHECK(open->process == 812);
    CHECK(open->descriptor == 5);
    CHECK(std::string(open->name().text) == "812/5");
    CHECK(std::string(open->path().text) == "/proc/812/fd/5");

    const std::optional<HeldFile> mapped = HeldFile::parse("812/7f3a00000000-7f3a00001000");
    REQUIRE(mapped);
    CHECK(mapped->is_mapping());
    CHECK(mapped->start == 0x7f3a00000000);
    CHECK(mapped->end == 0x7f3a00001000);
    CHECK(std::string(mapped->name().text) == "812/7f3a00000000-7f3a00001000");
    CHECK(std::string(mapped->path().text) == "/proc/812/map_files/7f3a00000000-7f3a00001000");
    CHECK(HeldFile::parse("1/0"));
}

TEST_CASE("what is not written exactly so is no held file")
{
    for (const char *text : {"",
                             "/",
                             "812",
                             "812/",
                             "/5",
                             "0/5",
                             "-1/5",
                             "+1/5",
                             "812/-1",
                             "812/05",
                             "0812/5",
                             "812/5 ",
                             " 812/5",
                             "812/5/6",
                             "self/5",
                             "2147483648/5",
                             "812/2147483648",
                             "99999999999999999999/1",
                             "812/2000-1000",
                             "812/1000-1000",
                             "812/1000-",
                             "812/-1000",
                             "812/ABC-DEF",
                             "812/0x10-0x20",
                             "812/01000-2000",
                             "812/1000-2000-3000",
                             "812/10000000000000000-20000000000000000"})
        CHECK_FALSE(HeldFile::parse(text));
    for (const char *path : {"/proc/812/5", "/proc/812/fd/5/", "/proc/812/fd/1000-2000", "/proc/812/map_files/5",
                             "/proc/self/fd/5", "/proc//fd/5", "proc/812/fd/5", "/proc/812/fdinfo/5", "/procs/1/fd/5"})
        CHECK_FALSE(HeldFile::parse_path(path));
    CHECK(HeldFile::parse_path("/proc/812/fd/5"));
    CHECK(HeldFile::parse_path("/proc/812/map_files/1000-2000"));
}

TEST_CASE("what a process holds is looked at without being opened")
{
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    HeldFacts facts;
    REQUIRE(ipc::look_at_held({getpid(), ends[0], 0, 0}, facts).ok());
    CHECK(std::string(ipc::kind_of(facts)) == "a FIFO");
    close(ends[0]);
    close(ends[1]);
    const auto gone = ipc::look_at_held({getpid(), ends[0], 0, 0}, facts);
    REQUIRE_FALSE(gone.ok());
    CHECK(gone.error().code() == ENOENT);
}

TEST_CASE("another process's mapping is read and written by copying, up to its end")
{
    const Source source = GENERATE(Source::automatic, Source::text);
    Mapped memory("two\nlines \\012");
    HeldFacts facts;
    auto mapping = HeldMapping::open(memory.place(), IPC_READ | IPC_WRITE, facts, source);
    REQUIRE(mapping.ok());
    if (source == Source::automatic) // text cannot tell a newline from what it is written as
        CHECK(std::string(facts.path) == "/memfd:two\nlines \\012 (deleted)");
    CHECK(std::string(facts.path).starts_with("/memfd:two\nlines "));
    CHECK_FALSE(facts.has_status);
    ipc_segment_status status = {};
    mapping->status(status);
    CHECK(status.bytes == Mapped::length);
    CHECK(status.descriptor == -1);
    CHECK(status.identity.number == facts.inode);

    char bytes[16] = {};
    CHECK(mapping->read(0, bytes, 5).value() == 5);
    CHECK(std::string(bytes) == "alive");
    CHECK(mapping->write(Mapped::length - 4, "the end", 7).value() == 4);
    CHECK(std::string(memory.text() + Mapped::length - 4, 4) == "the ");
    CHECK(mapping->read(Mapped::length, bytes, 1).value() == 0);
    CHECK(mapping->read(~std::uint64_t{0}, bytes, 1).value() == 0);
}

TEST_CASE("a mapping that means something else by now is an error and never what is there instead")
{
    const Source source = GENERATE(Source::automatic, Source::text);
    Mapped memory("replaced");
    HeldFacts facts;
    auto mapping = HeldMapping::open(memory.place(), IPC_READ, facts, source);
    REQUIRE(mapping.ok());
    memory.replace();
    char byte = 0;
    const auto read = mapping->read(0, &byte, 1);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code() == ESTALE);
}

TEST_CASE("a process that has ended is an error")
{
    const Source source = GENERATE(Source::automatic, Source::text);
    Mapped memory("inherited");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        char byte = 0;
        close(ends[1]);
        (void)!read(ends[0], &byte, 1); // until the parent closes its end
        _exit(0);
    }
    close(ends[0]);
    HeldFile place = memory.place();
    place.process = child;
    HeldFacts facts;
    auto mapping = HeldMapping::open(place, IPC_READ, facts, source);
    REQUIRE(mapping.ok());
    char byte = 0;
    CHECK(mapping->read(0, &byte, 1).ok());
    close(ends[1]);
    REQUIRE(waitpid(child, nullptr, 0) == child);
    CHECK_FALSE(mapping->read(0, &byte, 1).ok());
    const auto gone = HeldMapping::open(place, IPC_READ, facts, source);
    REQUIRE_FALSE(gone.ok());
    CHECK(gone.error().code() == ENOENT);
}

TEST_CASE("what is mapped for less, in another range or privately is refused")
{
    const Source source = GENERATE(Source::automatic, Source::text);
    HeldFacts facts;
    Mapped readable("readable", MAP_SHARED, PROT_READ);
    CHECK(HeldMapping::open(readable.place(), IPC_READ, facts, source).ok());
    const auto written = HeldMapping::open(readable.place(), IPC_READ | IPC_WRITE, facts, source);
    REQUIRE_FALSE(written.ok());
    CHECK(written.error().code() == EACCES);

    HeldFile part = readable.place();
    part.end -= 4096;
    CHECK_FALSE(HeldMapping::open(part, IPC_READ, facts, source).ok());

    Mapped own("private", MAP_PRIVATE);
    const auto copied = HeldMapping::open(own.place(), IPC_READ, facts, source);
    REQUIRE_FALSE(copied.ok());
    CHECK(copied.error().code() == EINVAL);
}

TEST_CASE("bytes behind the end of a file that is shorter than its mapping are none")
{
    Mapped memory("cut");
    HeldFacts facts;
    auto mapping = HeldMapping::open(memory.place(), IPC_READ, facts);
    REQUIRE(mapping.ok());
    {
        const ipc::Fd file(open(memory.place().path().text, O_RDWR | O_CLOEXEC));
        if (!file)
            return; // it takes CAP_CHECKPOINT_RESTORE
        REQUIRE(ftruncate(file.get(), 4096) == 0);
    }
    char bytes[2 * 4096];
    CHECK(mapping->read(0, bytes, sizeof bytes).value() == 4096);
    CHECK(mapping->read(4096, bytes, 1).value() == 0);
}
