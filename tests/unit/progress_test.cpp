// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "progress.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

using namespace ipc;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

std::chrono::nanoseconds time_of_test;

/// What a display writes, to a pipe.
struct Written {
    Fd reader, writer;

    Written()
    {
        int ends[2];
        REQUIRE(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
        time_of_test = 100s;
    }
    Progress::Place place() const
    {
        return {writer.get(), [] { return time_of_test; }};
    }
    std::string text() const { return read_all(reader.get()); }

    static std::string read_all(int fd)
    {
        char bytes[4096];
        const ssize_t count = read(fd, bytes, sizeof bytes);
        return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
    }
};

/// Runs `work` with the descriptor of a terminal that is its own, in a process of its own, and returns what the
/// terminal got. Its width is 50 columns.
template <typename Work> std::string on_terminal(Work work)
{
    const Fd controller(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(controller);
    REQUIRE(grantpt(controller.get()) == 0);
    REQUIRE(unlockpt(controller.get()) == 0);
    char name[64];
    REQUIRE(ptsname_r(controller.get(), name, sizeof name) == 0);
    const Fd keeper(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(keeper);
    const winsize size = {10, 50, 0, 0};
    REQUIRE(ioctl(keeper.get(), TIOCSWINSZ, &size) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        setsid();
        const int terminal = open(name, O_RDWR); // becomes the controlling one
        time_of_test = 100s;
        work(Progress::Place{terminal, [] { return time_of_test; }});
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    fcntl(controller.get(), F_SETFL, O_NONBLOCK);
    std::string text;
    for (std::string more; !(more = Written::read_all(controller.get())).empty();)
        text += more;
    return text;
}

} // namespace

TEST_CASE("progress tells bytes, part, rate and time left")
{
    CHECK(progress_text(512 * mebibyte, 2048 * mebibyte, 2s) == "512M of 2G, 25 %, 256M/s, 6 s left");
    CHECK(progress_text(1 * mebibyte, 1024 * mebibyte, 1s) == "1M of 1G, 0 %, 1M/s, 17 min 3 s left");
    CHECK(progress_text(1 * mebibyte, 40960 * mebibyte, 1s) == "1M of 40G, 0 %, 1M/s, 11 h 22 min left");
    CHECK(progress_text(2048 * mebibyte, 2048 * mebibyte, 4s) == "2G of 2G, 100 %, 512M/s");
}

TEST_CASE("progress leaves out what is not known")
{
    CHECK(progress_text(512 * mebibyte, {}, 2s) == "512M, 256M/s");
    CHECK(progress_text(512, {}, 0s) == "512B");
    CHECK(progress_text(0, 4096, 5s) == "0B of 4K, 0 %, 0B/s");
    CHECK(progress_text(0, 0, 5s) == "0B of 0B, 0B/s");
    CHECK(progress_text(1, UINT64_MAX, 1000s) == "1B of 16E, 0 %, 0B/s");
}

TEST_CASE("elsewhere than on a terminal nothing is shown unasked")
{
    Written written;
    {
        Progress progress("shmcat", 4 * mebibyte, false, written.place());
        time_of_test += 10s;
        progress.at(mebibyte);
    }
    CHECK(written.text().empty());
}

TEST_CASE("asked for, it is a line a second and one at the end, without carriage returns")
{
    Written written;
    {
        Progress progress("shmcat", 4 * mebibyte, true, written.place());
        progress.at(0);
        CHECK(written.text().empty());
        time_of_test += 1s;
        progress.at(mebibyte);
        CHECK(written.text() == "shmcat: 1M of 4M, 25 %, 1M/s, 3 s left\n");
        time_of_test += 500ms;
        progress.at(2 * mebibyte);
        CHECK(written.text().empty());
        time_of_test += 500ms;
        progress.at(4 * mebibyte);
        CHECK(written.text() == "shmcat: 4M of 4M, 100 %, 2M/s\n");
    }
    CHECK(written.text() == "shmcat: 4M of 4M, 100 %, 2M/s\n");
}

TEST_CASE("on a terminal it comes after a second, stays in one line and is gone at the end")
{
    const std::string seen = on_terminal([](Progress::Place place) {
        Progress progress("shmcat", 4 * mebibyte, false, place);
        time_of_test += 999ms;
        progress.at(mebibyte / 2);
        time_of_test += 1ms;
        progress.at(mebibyte);
        progress.at(mebibyte + 1);
        time_of_test += 250ms;
        progress.at(4 * mebibyte);
    });
    CHECK(seen == "\rshmcat: 1M of 4M, 25 %, 1M/s, 3 s left"
                  "\rshmcat: 4M of 4M, 100 %, 3.2M/s       "
                  "\r" +
                      std::string(31, ' ') + "\r");
}

TEST_CASE("on a terminal a short transfer shows nothing")
{
    CHECK(on_terminal([](Progress::Place place) {
              Progress progress("shmcat", 4 * mebibyte, false, place);
              time_of_test += 999ms;
              progress.at(4 * mebibyte);
          }).empty());
}

TEST_CASE("asked for on a terminal it begins at once and its end stays")
{
    const std::string seen = on_terminal([](Progress::Place place) {
        Progress progress("shmcat", 4 * mebibyte, true, place);
        progress.at(0);
        time_of_test += 2s;
        progress.at(4 * mebibyte);
    });
    CHECK(seen.starts_with("\rshmcat: 0B of 4M, 0 %\r"));
    CHECK(seen.ends_with("\rshmcat: 4M of 4M, 100 %, 2M/s\r\n"));
}

TEST_CASE("on a narrow terminal the line is cut, not wrapped")
{
    const std::string seen = on_terminal([](Progress::Place place) {
        Progress progress("a-command-with-a-long-name", 4096 * mebibyte, false, place);
        time_of_test += 1s;
        progress.at(1500 * mebibyte);
    });
    CHECK(seen.find('\r', 1) == 50);
}
