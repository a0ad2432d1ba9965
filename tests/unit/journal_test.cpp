// SPDX-License-Identifier: MIT
// What a journal makes of a file that a crash, or somebody, has left.
#include "journal.hpp"
#include "plugins.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

using namespace ipc;

namespace {

const Address queue{"example", "/jobs", {}};

/// A directory that is gone afterwards.
struct Scratch {
    std::string path = "/tmp/ipc-journal-XXXXXX";
    Scratch() { REQUIRE(::mkdtemp(path.data())); }
    ~Scratch() { std::filesystem::remove_all(path); }
    std::string file() const { return path + "/journal"; }
};

std::string contents_of(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string &path, const std::string &contents)
{
    std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
}

TakenMessage message(std::string bytes, std::uint32_t priority = 0)
{
    TakenMessage made;
    made.bytes = std::move(bytes);
    made.fields = IPC_QUEUE_PRIORITY;
    made.priority = priority;
    return made;
}

/// Messages that wait in the journal; it stays as it is.
std::vector<std::string> left_in(const std::string &path)
{
    Result<Journal> journal = Journal::open(path, queue);
    INFO((journal ? "" : journal.error().text()));
    REQUIRE(journal);
    std::vector<std::string> left;
    while (journal->left())
        left.push_back(journal->take_left().bytes);
    return left;
}

/// One that a crash left with these messages.
std::string crashed(const std::string &path, const std::vector<std::string> &messages)
{
    Result<Journal> journal = Journal::open(path, queue);
    REQUIRE(journal);
    for (const std::string &bytes : messages) {
        TakenMessage taken = message(bytes);
        REQUIRE(journal->add(taken));
    }
    REQUIRE(journal->sync());
    return contents_of(path);
}

struct Quiet {
    NoticeHandler before = set_notice_handler({});
    ~Quiet() { set_notice_handler(before); }
};

} // namespace

TEST_CASE("what is not done is left, in its order and whole")
{
    Scratch scratch;
    const std::string binary("\0\xff\n", 3);
    {
        Result<Journal> journal = Journal::open(scratch.file(), queue);
        REQUIRE(journal);
        TakenMessage first = message("first", 5), second = message(""), third = message(binary, 7);
        for (TakenMessage *taken : {&first, &second, &third})
            REQUIRE(journal->add(*taken));
        REQUIRE(journal->sync());
        REQUIRE(journal->done(first));
        REQUIRE(journal->done(first)); // once more does no harm
    }
    Result<Journal> journal = Journal::open(scratch.file(), queue);
    REQUIRE(journal);
    REQUIRE(journal->left() == 2);
    CHECK(journal->take_left().bytes.empty());
    TakenMessage last = journal->take_left();
    CHECK(last.bytes == binary);
    CHECK(last.priority == 7);
    CHECK(last.fields == IPC_QUEUE_PRIORITY);
    CHECK(last.recovered);
    REQUIRE(journal->done(last));
}

TEST_CASE("cut off at any byte, the records before the cut are whole and the rest is dropped")
{
    Quiet quiet;
    Scratch scratch;
    const std::string whole = crashed(scratch.file(), {"one", "two and some more", ""});
    std::size_t least = 0;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        write(scratch.file(), whole.substr(0, size));
        const std::vector<std::string> left = left_in(scratch.file());
        CHECK(left.size() >= least); // more bytes never make fewer messages
        least = left.size();
        const std::vector<std::string> all = {"one", "two and some more", ""};
        CHECK(std::equal(left.begin(), left.end(), all.begin()));
        CHECK(left_in(scratch.file()) == left); // and what was dropped is not dropped twice
    }
    CHECK(least == 3);
}

TEST_CASE("zeros and rubbish behind the last record are a torn end")
{
    Quiet quiet;
    Scratch scratch;
    const std::string whole = crashed(scratch.file(), {"kept"});
    for (const std::string &tail : {std::string(4096, '\0'), std::string(100, 'x'), std::string("\xff")}) {
        write(scratch.file(), whole + tail);
        CHECK(left_in(scratch.file()) == std::vector<std::string>{"kept"});
        CHECK(contents_of(scratch.file()) == whole);
    }
}

TEST_CASE("a changed byte in front of a sound record is refused, and the file stays as it is")
{
    Quiet quiet;
    Scratch scratch;
    const std::string whole = crashed(scratch.file(), {"first", "second"});
    const std::size_t second = whole.find("second") - 40;
    std::size_t accepted = 0;
    for (std::size_t at = 0; at < second; ++at) {
        std::string damaged = whole;
        damaged[at] = char(damaged[at] ^ 0x40);
        write(scratch.file(), damaged);
        const Result<Journal> journal = Journal::open(scratch.file(), queue);
        if (journal)
            ++accepted; // a byte that says nothing, such as those that fill up
        else
            CHECK(contents_of(scratch.file()) == damaged);
    }
    CHECK(accepted < 16);
}

TEST_CASE("records of another journal are none of this one")
{
    Quiet quiet;
    Scratch scratch;
    const std::string theirs = crashed(scratch.path + "/theirs", {"foreign"});
    const std::string mine = crashed(scratch.file(), {"own"});
    write(scratch.file(), mine + theirs.substr(theirs.find("foreign") - 40));
    CHECK(left_in(scratch.file()) == std::vector<std::string>{"own"});
}

TEST_CASE("a journal is one process's, and one queue's")
{
    Scratch scratch;
    Result<Journal> journal = Journal::open(scratch.file(), queue);
    REQUIRE(journal);
    const Result<Journal> second = Journal::open(scratch.file(), queue);
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == EBUSY);
    const Result<Journal> other = Journal::open(scratch.path + "/other", queue);
    CHECK(other);
}

TEST_CASE("what is done makes way, whether something is pending or not")
{
    Scratch scratch;
    std::optional<Result<Journal>> opened = Journal::open(scratch.file(), queue);
    REQUIRE(*opened);
    Journal *journal = &opened->value();
    TakenMessage slow = message("slow");
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 100; ++i) {
            TakenMessage taken = message(std::string(50'000, 'x'));
            REQUIRE(journal->add(taken));
            REQUIRE(journal->done(taken));
            CHECK(std::filesystem::file_size(scratch.file()) < 1'200'000);
        }
        if (round == 0)
            REQUIRE(journal->add(slow));
    }
    CHECK_FALSE(std::filesystem::exists(scratch.file() + ".new"));
    const Result<Journal> second = Journal::open(scratch.file(), queue); // the new file is locked as the old one was
    CHECK_FALSE(second);
    opened.reset();
    CHECK(left_in(scratch.file()) == std::vector<std::string>{"slow"});
}
