// SPDX-License-Identifier: MIT
#include "panes.hpp"
#include "printable.hpp"
#include "removal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ipc::watch {
namespace {

std::vector<std::string> lines_of(const std::string &text)
{
    std::vector<std::string> lines;
    std::size_t begin = 0;
    for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        lines.push_back(text.substr(begin, end - begin));
    lines.push_back(text.substr(begin));
    return lines;
}

class Removal : public Pane {
public:
    Removal(Object object, std::function<void(const std::string &)> tell)
        : object_(std::move(object)), address_(object_.address.text()), tell_(std::move(tell))
    {
    }

    void draw(const Area &screen) override
    {
        const int width = std::max(std::min(screen.columns - 4, 72), 1);
        const std::vector<std::string> lines = lines_of(wrapped(question(), width));
        const Area inside = put_frame(screen, "Remove", static_cast<int>(lines.size()) + 2, width, Ink::bad);
        const int text_rows = std::max(inside.rows - 1, 0); // the answer is never what is cut off
        for (int row = 0; row < text_rows && row < static_cast<int>(lines.size()); row++)
            put(inside.top + row, inside.left, inside.columns, lines[static_cast<std::size_t>(row)]);
        put(inside.top + text_rows, inside.left, inside.columns, answers(), Ink::strong);
    }

    bool press(Key key) override
    {
        if (step_ == Step::first && key == 'y')
            return try_to_remove(false);
        if (step_ == Step::held && key == 'f')
            return try_to_remove(true);
        tell_(address_ + " stays");
        return false;
    }

private:
    enum class Step { first, held };

    std::string question() const
    {
        if (step_ == Step::held)
            return refusal_;
        std::string question = fmt::format("Remove {}?", address_);
        if (!object_.holders.empty())
            question += fmt::format(" It is held by {}.", name_holders(object_.holders));
        if (object_.hidden > 0)
            question +=
                fmt::format(" It is attached {} more times, by processes that may not be seen.", object_.hidden);
        if (object_.holders.empty() && object_.hidden == 0)
            question += " No process is seen to hold it.";
        return question;
    }

    const char *answers() const
    {
        return step_ == Step::first ? "y remove   n keep" : "f remove it all the same   n keep";
    }

    bool try_to_remove(bool force)
    {
        const Result<void> result = remove_object(object_, {.force = force});
        if (!result.ok() && result.error().code() == EBUSY && !force) {
            step_ = Step::held;
            refusal_ = fmt::format("{}: {}", address_, printable(result.error().text()));
            return true;
        }
        tell_(result.ok() ? address_ + " is removed"
                          : fmt::format("{}: {}", address_, printable(result.error().text())));
        return false;
    }

    Object object_;
    std::string address_;
    std::function<void(const std::string &)> tell_;
    Step step_ = Step::first;
    std::string refusal_;
};

} // namespace

std::unique_ptr<Pane> removal(Object object, std::function<void(const std::string &)> tell)
{
    return std::make_unique<Removal>(std::move(object), std::move(tell));
}

} // namespace ipc::watch
