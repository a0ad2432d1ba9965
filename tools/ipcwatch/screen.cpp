// SPDX-License-Identifier: MIT
#include "screen.hpp"

#include "details.hpp"
#include "drawing.hpp"
#include "interruption.hpp"
#include "keys.hpp"
#include "overview.hpp"
#include "panes.hpp"
#include "plugins.hpp"
#include "printable.hpp"
#include "summary.hpp"
#include "table.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <signal.h>

#include <algorithm>
#include <utility>

namespace ipc::watch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int least_rows_beside_details = 6; // of the table, its heading included

/// The status, where the signal does not end the process after all.
int ended_by(int signal)
{
    end_by_signal(signal);
    return 128 + signal;
}

std::string details_title(const Object &object, bool goes_on)
{
    return object.address.text() + (goes_on ? "  (] shows more)" : "");
}

class Screen {
public:
    Screen(Model &model, const Sampler &sample, const ScreenSettings &settings, Terminal &terminal)
        : model_(model), sample_(sample), settings_(settings), terminal_(terminal)
    {
    }

    int watch();

private:
    bool due();
    bool take_keys();
    void press(Key key);
    void perform(Action action);
    void move(Action action);

    void search(int step);
    void ask_for_search();
    void ask_for_filter();
    void ask_for_sort_column();
    void ask_for_removal();
    void show_help();
    void show_notices();
    void tell(const std::string &text) { message_ = text; }

    void draw();
    int draw_details(const Area &below);
    void draw_foot(int row);

    Model &model_;
    const Sampler &sample_;
    const ScreenSettings &settings_;
    Terminal &terminal_;

    Table table_;
    std::unique_ptr<Pane> pane_;
    std::uint64_t taken_ = 0;
    Clock::time_point due_ = Clock::now();
    bool paused_ = false;
    bool finished_ = false;
    bool details_ = false;
    int details_top_ = 0;
    std::string sought_;
    std::string message_; // instead of the key line, until the next key
};

int Screen::watch()
{
    while (!finished_) {
        switch (terminal_.wait(paused_ ? Clock::now() + std::chrono::hours(1) : due_)) {
        case Terminal::Event::due:
            finished_ = !due();
            break;
        case Terminal::Event::key:
            if (!take_keys())
                return ended_by(SIGHUP);
            break;
        case Terminal::Event::redraw:
            break;
        case Terminal::Event::ended:
            return ended_by(terminal_.signal());
        case Terminal::Event::hung_up:
            return ended_by(SIGHUP);
        }
        if (!finished_)
            draw();
    }
    return 0;
}

/// The last sample, too, is shown for as long as the others.
bool Screen::due()
{
    if (paused_)
        return true;
    if (settings_.pace.samples && taken_ == settings_.pace.samples)
        return false;
    model_.take(sample_());
    taken_++;
    due_ = std::max(due_ + settings_.pace.delay, Clock::now());
    return true;
}

/// False if there is none although there should be: the terminal has gone.
bool Screen::take_keys()
{
    bool any = false;
    while (const std::optional<Key> key = terminal_.key()) {
        any = true;
        press(*key);
    }
    return any || terminal_.is_there();
}

void Screen::press(Key key)
{
    message_.clear();
    if (!pane_)
        return perform(action_of(key, settings_.readonly));
    if (!pane_->press(key))
        pane_.reset();
}

void Screen::perform(Action action)
{
    switch (action) {
    case Action::quit:
        finished_ = true;
        break;
    case Action::invert:
        return model_.invert();
    case Action::sort_left:
        return model_.move_sort_column(-1);
    case Action::sort_right:
        return model_.move_sort_column(1);
    case Action::choose_sort:
        return ask_for_sort_column();
    case Action::search:
        return ask_for_search();
    case Action::next:
        return search(1);
    case Action::previous:
        return search(-1);
    case Action::filter:
        return ask_for_filter();
    case Action::pause:
        paused_ = !paused_;
        due_ = Clock::now();
        break;
    case Action::details:
        details_ = !details_;
        break;
    case Action::details_up:
        details_top_--;
        break;
    case Action::details_down:
        details_top_++;
        break;
    case Action::notices:
        return show_notices();
    case Action::remove:
        return ask_for_removal();
    case Action::redraw:
        return redraw_screen();
    case Action::help:
        return show_help();
    default:
        move(action);
    }
}

void Screen::move(Action action)
{
    const auto everything = static_cast<std::int64_t>(model_.rows().size());
    switch (action) {
    case Action::up:
        return model_.move_selection(-1);
    case Action::down:
        return model_.move_selection(1);
    case Action::page_up:
        return model_.move_selection(-table_.page_rows());
    case Action::page_down:
        return model_.move_selection(table_.page_rows());
    case Action::first:
        return model_.move_selection(-everything);
    case Action::last:
        return model_.move_selection(everything);
    case Action::scroll_left:
        return table_.scroll(-1);
    case Action::scroll_right:
        return table_.scroll(1);
    default:
        return;
    }
}

void Screen::search(int step)
{
    if (sought_.empty())
        tell("nothing to look for yet (/ asks for it)");
    else if (!model_.search(sought_, step, false))
        tell(fmt::format("“{}” is in no object shown", printable(sought_)));
}

void Screen::ask_for_search()
{
    const std::size_t origin = model_.position();
    pane_ = prompt("Search: ", {}, [this, origin](const std::string &text) {
        sought_ = text;
        model_.select(origin);
        if (!text.empty() && !model_.search(text, 1, true))
            tell(fmt::format("“{}” is in no object shown", printable(text)));
    });
}

void Screen::ask_for_filter()
{
    pane_ = prompt("Filter: ", model_.filter(), [this](const std::string &text) { model_.set_filter(text); });
}

void Screen::ask_for_sort_column()
{
    std::vector<std::string> lines;
    std::size_t first = 0;
    for (const LiveColumn &column : live_columns()) {
        if (&column == model_.sort_column())
            first = lines.size();
        lines.push_back(fmt::format("{:<14} {}", column.name, column.help));
    }
    pane_ = chooser("Sort by", std::move(lines), first,
                    [this](std::size_t chosen) { model_.sort_by(&live_columns()[chosen]); });
}

void Screen::ask_for_removal()
{
    if (const Row *row = model_.selected())
        pane_ = removal(*row->object, [this](const std::string &text) {
            tell(text);
            if (!paused_)
                due_ = Clock::now();
        });
}

void Screen::show_help()
{
    std::vector<std::string> lines;
    for (const Binding &binding : bindings())
        if (!binding.help.empty() && is_offered(binding, settings_.readonly))
            lines.push_back(fmt::format("{:<11} {}", binding.keys, binding.help));
    lines.emplace_back();
    lines.emplace_back("DEPTH counts the messages that wait in a queue, CHANGE compares it with the sample before. "
                       "Between two samples any number of messages may have passed: this shows no rates.");
    pane_ = page("Help", std::move(lines));
}

void Screen::show_notices()
{
    std::vector<std::string> notices = notices_of(model_.snapshot());
    if (notices.empty())
        notices.emplace_back("Nothing is hidden.");
    pane_ = page("What is hidden", std::move(notices));
}

void Screen::draw()
{
    clear_screen();
    const Area screen = whole_screen();
    const int foot = screen.rows - 1;
    const int head = draw_overview(model_, {paused_, settings_.pace.delay}, {0, 0, foot, screen.columns});
    const Area below = {head, 0, std::max(foot - head, 0), screen.columns};
    const int details = details_ ? draw_details(below) : 0;
    table_.draw(model_, {below.top, 0, below.rows - details, below.columns});
    draw_foot(foot);
    if (pane_)
        pane_->draw(screen);
    show_screen();
}

/// At the foot of the area; returns the rows it took: all, if there is no room for a table beside it.
int Screen::draw_details(const Area &below)
{
    const Row *row = model_.selected();
    if (!row)
        return 0;
    const std::vector<std::string> lines = details_of(*row->object, *row->past, below.columns);
    const int wanted = static_cast<int>(lines.size()) + 1;
    const int beside = below.rows - least_rows_beside_details;
    const int rows = beside >= least_rows_beside_details ? std::min(wanted, beside) : below.rows;
    const int top = below.top + below.rows - rows;
    details_top_ = std::clamp(details_top_, 0, std::max(wanted - rows, 0));
    put(top, 0, below.columns, details_title(*row->object, details_top_ + rows < wanted), Ink::heading);
    for (int i = 1; i < rows && details_top_ + i < wanted; i++)
        put(top + i, 0, below.columns, lines[static_cast<std::size_t>(details_top_ + i - 1)]);
    return rows;
}

void Screen::draw_foot(int row)
{
    const int width = whole_screen().columns;
    if (!message_.empty())
        return put(row, 0, width, message_, Ink::warning);
    int column = 0;
    for (const Binding &binding : bindings()) {
        const std::string_view key = binding.keys.substr(0, binding.keys.find(' '));
        const int needed = width_of(key) + 1 + width_of(binding.label) + 2;
        if (binding.label.empty() || !is_offered(binding, settings_.readonly) || column + needed - 2 > width)
            continue;
        put(row, column, width_of(key), key, Ink::key);
        put(row, column + width_of(key) + 1, width_of(binding.label), binding.label);
        column += needed;
    }
}

} // namespace

Result<int> watch_on_screen(Model &model, const Sampler &sample, const ScreenSettings &settings)
{
    const std::unique_ptr<Terminal> terminal = IPC_TRY(Terminal::open(settings.colors));
    return Screen(model, sample, settings, *terminal).watch();
}

} // namespace ipc::watch
