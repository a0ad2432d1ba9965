// SPDX-License-Identifier: MIT
#include "terminal.hpp"

#include "curses.hpp"
#include "drawing.hpp"
#include "error.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <term.h>
#include <termios.h>

namespace ipc::watch {
namespace {

constexpr std::array crashes = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// What a signal handler needs to give the terminal back. Filled before the handler is set.
struct Restoration {
    termios modes = {};
    std::array<char, 256> sequence = {};
    std::size_t length = 0;
    std::array<struct sigaction, crashes.size()> previous = {};
    std::array<char, 64 * 1024> stack = {}; // the ordinary one may be what ran out
};
Restoration restoration;

int append_to_restoration(int character)
{
    if (restoration.length < restoration.sequence.size())
        restoration.sequence[restoration.length++] = static_cast<char>(character);
    return character;
}

void prepare_restoration()
{
    for (const char *capability : {"rmkx", "sgr0", "cnorm", "rmcup"}) {
        const char *sequence = ::tigetstr(capability);
        if (sequence && sequence != reinterpret_cast<const char *>(-1))
            ::tputs(sequence, 1, append_to_restoration);
    }
}

void restore_and_crash(int signal)
{
    [[maybe_unused]] auto ignored = ::write(STDOUT_FILENO, restoration.sequence.data(), restoration.length);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &restoration.modes);
    for (std::size_t i = 0; i < crashes.size(); i++)
        ::sigaction(crashes[i], &restoration.previous[i], nullptr);
    ::raise(signal);
}

void watch_for_crashes()
{
    stack_t stack = {};
    stack.ss_sp = restoration.stack.data();
    stack.ss_size = restoration.stack.size();
    ::sigaltstack(&stack, nullptr);
    struct sigaction action = {};
    action.sa_handler = restore_and_crash;
    action.sa_flags = SA_ONSTACK;
    for (std::size_t i = 0; i < crashes.size(); i++)
        ::sigaction(crashes[i], &action, &restoration.previous[i]);
}

void forget_crashes()
{
    for (std::size_t i = 0; i < crashes.size(); i++)
        ::sigaction(crashes[i], &restoration.previous[i], nullptr);
}

/// Without that, as on a terminal of type dumb, curses shows nothing.
bool can_move_cursor()
{
    int found = 0;
    if (::setupterm(nullptr, STDOUT_FILENO, &found) != OK)
        return false;
    const char *sequence = ::tigetstr("cup");
    ::del_curterm(::cur_term);
    return sequence;
}

sigset_t awaited_signals()
{
    sigset_t set;
    ::sigemptyset(&set);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH})
        ::sigaddset(&set, signal);
    return set;
}

void adopt_size()
{
    winsize size = {};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        ::resizeterm(size.ws_row, size.ws_col);
    ::clearok(curscr, true);
}

const char *terminal_type()
{
    const char *type = std::getenv("TERM");
    return type ? type : "";
}

} // namespace

Result<std::unique_ptr<Terminal>> Terminal::open(bool colors)
{
    if (!::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO) || ::tcgetattr(STDIN_FILENO, &restoration.modes) != 0)
        return failure(ENOTTY, "standard input and output are not a terminal (use -b for text, -J for JSON Lines)");
    const sigset_t awaited = awaited_signals();
    ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
    std::unique_ptr<Terminal> terminal(new Terminal);
    terminal->signals_ = Fd(::signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!terminal->signals_)
        return Error::system("signalfd");
    const bool can_move = can_move_cursor();
    if (!can_move || !::newterm(nullptr, stdout, stdin))
        return failure(EINVAL, "a screen cannot be shown on a terminal of type \"{}\" (set TERM, or use -b for text)",
                       terminal_type());
    // Ours is the signalfd; the handler of curses would do the same a second time.
    ::signal(SIGTSTP, SIG_DFL);
    prepare_restoration();
    watch_for_crashes();
    ::cbreak();
    ::noecho();
    ::nonl();
    ::keypad(stdscr, true);
    ::nodelay(stdscr, true);
    ::set_escdelay(25);
    ::curs_set(0);
    prepare_inks(colors && ::has_colors());
    return terminal;
}

Terminal::~Terminal()
{
    if (!stdscr)
        return;
    ::endwin();
    forget_crashes();
}

Terminal::Event Terminal::wait(std::chrono::steady_clock::time_point due)
{
    using namespace std::chrono;
    for (;;) {
        const auto left = std::max<nanoseconds>(due - steady_clock::now(), nanoseconds(0));
        const timespec timeout = {duration_cast<seconds>(left).count(), (left % seconds(1)).count()};
        std::array<pollfd, 2> sources = {{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
        if (::ppoll(sources.data(), sources.size(), &timeout, nullptr) == 0)
            return Event::due;
        if (sources[1].revents)
            return take_signal();
        if (sources[0].revents & (POLLHUP | POLLERR | POLLNVAL))
            return Event::hung_up;
        if (sources[0].revents)
            return Event::key;
    }
}

Terminal::Event Terminal::take_signal()
{
    signalfd_siginfo info = {};
    if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
        return Event::redraw;
    switch (info.ssi_signo) {
    case SIGTSTP:
        suspend();
        break;
    case SIGCONT: // the shell may have changed the modes while we were stopped
        ::reset_prog_mode();
        break;
    case SIGWINCH:
        break;
    default:
        signal_ = static_cast<int>(info.ssi_signo);
        return Event::ended;
    }
    adopt_size();
    return Event::redraw;
}

void Terminal::suspend()
{
    ::endwin();
    sigset_t stop;
    ::sigemptyset(&stop);
    ::sigaddset(&stop, SIGTSTP);
    ::raise(SIGTSTP);
    ::sigprocmask(SIG_UNBLOCK, &stop, nullptr); // stops here, and goes on here
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    ::refresh();
}

bool Terminal::is_there() const
{
    termios modes = {};
    return ::tcgetattr(STDIN_FILENO, &modes) == 0;
}

std::optional<Key> Terminal::key()
{
    wint_t character = 0;
    switch (::wget_wch(stdscr, &character)) {
    case OK:
        return static_cast<Key>(character);
    case KEY_CODE_YES:
        return special(static_cast<int>(character));
    default:
        return std::nullopt;
    }
}

} // namespace ipc::watch
