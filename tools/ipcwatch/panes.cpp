// SPDX-License-Identifier: MIT
#include "panes.hpp"

#include "curses.hpp"
#include "keys.hpp"
#include "lettering.hpp"
#include "printable.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <utility>

namespace ipc::watch {
namespace {

int widest_of(const std::vector<std::string> &lines)
{
    int widest = 0;
    for (const std::string &line : lines)
        widest = std::max(widest, width_of(line));
    return widest;
}

int count_of(const std::vector<std::string> &lines) { return static_cast<int>(lines.size()); }

/// How far a key scrolls by; 0 if it does not.
int step_of(Key key, int page_rows)
{
    switch (action_of(key, true)) {
    case Action::up:
        return -1;
    case Action::down:
        return 1;
    case Action::page_up:
        return -page_rows;
    case Action::page_down:
        return page_rows;
    case Action::first:
        return -INT_MAX / 2;
    case Action::last:
        return INT_MAX / 2;
    default:
        return 0;
    }
}

class Page : public Pane {
public:
    Page(std::string title, std::vector<std::string> paragraphs)
        : title_(std::move(title)), paragraphs_(std::move(paragraphs))
    {
    }

    void draw(const Area &screen) override
    {
        const std::vector<std::string> lines = lines_for(screen.columns - 4);
        const Area inside = put_frame(screen, title_, count_of(lines), widest_of(lines), Ink::heading);
        page_rows_ = std::max(inside.rows, 1);
        top_ = std::clamp(top_, 0, std::max(count_of(lines) - inside.rows, 0));
        for (int row = 0; row < inside.rows && top_ + row < count_of(lines); row++)
            put(inside.top + row, inside.left, inside.columns, lines[static_cast<std::size_t>(top_ + row)]);
    }

    bool press(Key key) override
    {
        const int step = step_of(key, page_rows_);
        top_ += step;
        return step != 0 || key == special(KEY_RESIZE);
    }

private:
    std::vector<std::string> lines_for(int width) const
    {
        std::vector<std::string> lines;
        for (const std::string &paragraph : paragraphs_) {
            std::string text = width_of(paragraph) > width ? wrapped(paragraph, width) : paragraph;
            for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
                lines.push_back(text.substr(0, end));
            lines.push_back(std::move(text));
        }
        return lines;
    }

    std::string title_;
    std::vector<std::string> paragraphs_;
    int top_ = 0;
    int page_rows_ = 1;
};

class Chooser : public Pane {
public:
    Chooser(std::string title, std::vector<std::string> lines, std::size_t first,
            std::function<void(std::size_t)> choose)
        : title_(std::move(title)), lines_(std::move(lines)), selected_(static_cast<int>(first)),
          choose_(std::move(choose))
    {
    }

    void draw(const Area &screen) override
    {
        const Area inside = put_frame(screen, title_, count_of(lines_), widest_of(lines_), Ink::heading);
        page_rows_ = std::max(inside.rows, 1);
        top_ = std::clamp(top_, selected_ - page_rows_ + 1, selected_);
        for (int row = 0; row < inside.rows && top_ + row < count_of(lines_); row++)
            put(inside.top + row, inside.left, inside.columns, lines_[static_cast<std::size_t>(top_ + row)],
                top_ + row == selected_ ? Ink::selected : Ink::plain);
    }

    bool press(Key key) override
    {
        if (is_enter(key))
            choose_(static_cast<std::size_t>(selected_));
        selected_ = std::clamp(selected_ + step_of(key, page_rows_), 0, count_of(lines_) - 1);
        return !is_enter(key) && key != escape && key != 'q';
    }

private:
    std::string title_;
    std::vector<std::string> lines_;
    int selected_;
    std::function<void(std::size_t)> choose_;
    int top_ = 0;
    int page_rows_ = 1;
};

class Prompt : public Pane {
public:
    Prompt(std::string label, std::string text, std::function<void(const std::string &)> change)
        : label_(std::move(label)), text_(text), before_(std::move(text)), change_(std::move(change))
    {
    }

    void draw(const Area &screen) override
    {
        const int row = screen.rows - 1;
        const int label = std::min(width_of(label_), screen.columns / 2);
        const int room = std::max(screen.columns - label - 1, 1);
        std::string_view end = text_;
        while (width_of(end) > room)
            end.remove_prefix(1);
        put(row, 0, label, label_, Ink::key);
        put(row, label, screen.columns - label, end);
        put_cursor(row, label + width_of(end));
    }

    bool press(Key key) override
    {
        if (key == escape || is_enter(key)) {
            change_(key == escape ? before_ : text_);
            return false;
        }
        if (edit(key))
            change_(text_);
        return true;
    }

private:
    bool edit(Key key)
    {
        if (key == special(KEY_BACKSPACE) || key == 0x7f || key == '\b') {
            erase_last();
            return true;
        }
        if (key == ('U' & 0x1f)) {
            text_.clear();
            return true;
        }
        return key >= ' ' && key != 0x7f && append(static_cast<wchar_t>(key));
    }

    void erase_last()
    {
        while (!text_.empty() && (static_cast<unsigned char>(text_.back()) & 0xC0) == 0x80)
            text_.pop_back();
        if (!text_.empty())
            text_.pop_back();
    }

    bool append(wchar_t character)
    {
        std::string bytes(static_cast<std::size_t>(MB_CUR_MAX), '\0');
        const int length = std::wctomb(bytes.data(), character);
        if (length > 0)
            text_.append(bytes, 0, static_cast<std::size_t>(length));
        return length > 0;
    }

    std::string label_, text_, before_;
    std::function<void(const std::string &)> change_;
};

} // namespace

std::unique_ptr<Pane> page(std::string title, std::vector<std::string> paragraphs)
{
    return std::make_unique<Page>(std::move(title), std::move(paragraphs));
}

std::unique_ptr<Pane> chooser(std::string title, std::vector<std::string> lines, std::size_t first,
                              std::function<void(std::size_t)> choose)
{
    return std::make_unique<Chooser>(std::move(title), std::move(lines), first, std::move(choose));
}

std::unique_ptr<Pane> prompt(std::string label, std::string text, std::function<void(const std::string &)> change)
{
    return std::make_unique<Prompt>(std::move(label), std::move(text), std::move(change));
}

} // namespace ipc::watch
