// SPDX-License-Identifier: MIT
#include "model.hpp"

#include "lettering.hpp"

#include <algorithm>
#include <strings.h>
#include <utility>

namespace ipc::watch {
namespace {

bool contains(const std::string &text, std::string_view part)
{
    return ::strcasestr(text.c_str(), std::string(part).c_str()) != nullptr;
}

bool mentions(const Row &row, std::string_view part)
{
    const Object &object = *row.object;
    return contains(object.address.text(), part) || contains(object.address.name, part) ||
           contains(std::string(name_of(object.state)), part) || contains(object.detail, part) ||
           std::any_of(row.texts.begin(), row.texts.end(), [&](const auto &text) { return contains(text, part); }) ||
           std::any_of(object.holders.begin(), object.holders.end(),
                       [&](const Holder &holder) { return contains(holder.command, part); });
}

bool is_known(const Cell &cell)
{
    return !std::holds_alternative<Absent>(cell) && !std::holds_alternative<Unknown>(cell);
}

} // namespace

bool answers(const Row &row, std::string_view filter)
{
    while (!filter.empty()) {
        std::string_view word = filter.substr(0, filter.find(' '));
        filter.remove_prefix(std::min(word.size() + 1, filter.size()));
        const bool wanted = !word.starts_with('!');
        if (!wanted)
            word.remove_prefix(1);
        if (!word.empty() && mentions(row, word) != wanted)
            return false;
    }
    return true;
}

Model::Model(ChosenColumns columns) : chosen_(std::move(columns)), columns_(chosen_) {}

void Model::take(Snapshot snapshot)
{
    snapshot_ = std::move(snapshot);
    pasts_.add(snapshot_.objects);
    arrange();
}

bool Model::concerns(const Object &object) const
{
    if (user_ && object.facts.owner != *user_)
        return false;
    return !process_ || std::any_of(object.holders.begin(), object.holders.end(),
                                    [&](const Holder &holder) { return holder.process == *process_; });
}

std::vector<const Object *> Model::objects() const
{
    std::vector<const Object *> objects;
    for (const Object &object : snapshot_.objects)
        if (concerns(object))
            objects.push_back(&object);
    return objects;
}

void Model::arrange_columns()
{
    columns_ = chosen_;
    if (!adds_columns_)
        return;
    for (const LiveColumn &column : live_columns())
        if (comes_and_goes(column) && std::find(chosen_.begin(), chosen_.end(), &column) == chosen_.end() &&
            has_to_show(*column.listed, snapshot_.objects))
            columns_.insert(
                std::find_if(columns_.begin(), columns_.end(), [&](const LiveColumn *one) { return one > &column; }),
                &column);
}

void Model::arrange()
{
    arrange_columns();
    rows_.clear();
    for (const Object *object : objects()) {
        Row row{object, &pasts_.of(*object), {}};
        for (const LiveColumn *column : columns_)
            row.texts.push_back(text_of(*column, *object, *row.past));
        if (answers(row, filter_))
            rows_.push_back(std::move(row));
    }
    sort_rows();
    measure_columns();
    restore_selection();
}

void Model::sort_rows()
{
    if (!sort_column_) {
        if (inverted_)
            std::reverse(rows_.begin(), rows_.end());
        return;
    }
    std::vector<std::pair<Cell, Row>> ranked;
    for (Row &row : rows_)
        ranked.emplace_back(rank_of(*sort_column_, *row.object, *row.past), std::move(row));
    std::stable_sort(ranked.begin(), ranked.end(), [down = descending()](const auto &left, const auto &right) {
        if (is_known(left.first) != is_known(right.first) || !is_known(left.first))
            return is_known(left.first) && !is_known(right.first);
        return down ? less(right.first, left.first) : less(left.first, right.first);
    });
    std::transform(ranked.begin(), ranked.end(), rows_.begin(), [](auto &pair) { return std::move(pair.second); });
}

void Model::measure_columns()
{
    widths_.clear();
    for (std::size_t i = 0; i < columns_.size(); i++) {
        int width = std::max(width_of(columns_[i]->name) + 1, columns_[i]->least_width);
        for (const Row &row : rows_)
            width = std::max(width, width_of(row.texts[i]));
        widths_.push_back(width);
    }
}

void Model::restore_selection()
{
    const auto same = std::find_if(rows_.begin(), rows_.end(),
                                   [&](const Row &row) { return identity_of(*row.object) == selection_; });
    select(same != rows_.end() ? static_cast<std::size_t>(same - rows_.begin()) : position_);
}

void Model::sort_by(const LiveColumn *column)
{
    inverted_ = false;
    sort_column_ = column;
    arrange();
}

void Model::move_sort_column(int step)
{
    const auto count = static_cast<std::ptrdiff_t>(columns_.size());
    auto place = std::find(columns_.begin(), columns_.end(), sort_column_) - columns_.begin();
    if (place == count) // not in the table: begin at its edge
        place = step > 0 ? -1 : count;
    sort_by(columns_[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(place + step, 0, count - 1))]);
}

void Model::invert()
{
    inverted_ = !inverted_;
    arrange();
}

bool Model::descending() const { return (sort_column_ && sort_column_->right) != inverted_; }

void Model::set_filter(std::string filter)
{
    filter_ = std::move(filter);
    arrange();
}

void Model::select(std::size_t position)
{
    position_ = rows_.empty() ? 0 : std::min(position, rows_.size() - 1);
    if (const Row *row = selected())
        selection_ = identity_of(*row->object);
}

void Model::move_selection(std::int64_t rows)
{
    select(static_cast<std::size_t>(std::max<std::int64_t>(static_cast<std::int64_t>(position_) + rows, 0)));
}

bool Model::search(std::string_view text, int step, bool stay)
{
    const auto count = static_cast<std::int64_t>(rows_.size());
    for (std::int64_t i = stay ? 0 : 1; i <= count && count > 0; i++) {
        const auto place =
            static_cast<std::size_t>(((static_cast<std::int64_t>(position_) + i * step) % count + count) % count);
        if (!mentions(rows_[place], text))
            continue;
        select(place);
        return true;
    }
    return false;
}

} // namespace ipc::watch
