// SPDX-License-Identifier: MIT
// What ipcwatch shows, whoever shows it: the latest sample with its past, filtered and sorted, and which object of it
// is selected. Knows nothing of terminals.
#pragma once

#include "live_columns.hpp"
#include "past.hpp"
#include "snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipc::watch {

/// An object as the table shows it. Valid until the model changes.
struct Row {
    const Object *object;
    const Past *past;
    std::vector<std::string> texts; // one per column
};

/// Does a row answer to `filter`? Every word of it must occur in what the row shows or in the object's address, state,
/// detail or the name of a holder, shown or not; a word behind `!` in none of these. Upper and lower case are the same.
/// The empty filter lets everything pass.
bool answers(const Row &row, std::string_view filter);

class Model {
public:
    /// Never without a column. The first sort is the order of the snapshot.
    explicit Model(ChosenColumns columns);

    /// Show also those columns that have something to show just now, among the ones chosen.
    void add_columns_in_use() { adds_columns_ = true; }

    /// Only objects of this user; only objects that this process holds.
    void only_user(std::uint32_t user) { user_ = user; }
    void only_process(std::int64_t process) { process_ = process; }

    std::optional<std::uint32_t> user() const { return user_; }
    std::optional<std::int64_t> process() const { return process_; }

    /// The next sample. The selection stays with its object, or with its place if the object has gone.
    void take(Snapshot snapshot);

    const Snapshot &snapshot() const { return snapshot_; }
    /// The objects of the sample that are of the user and the process asked for, before the filter.
    std::vector<const Object *> objects() const;

    const ChosenColumns &columns() const { return columns_; }
    const std::vector<Row> &rows() const { return rows_; }
    /// What each column needs so that nothing in it is cut, its name and a mark of the sort order included.
    const std::vector<int> &widths() const { return widths_; }

    // Order. Numbers start with the largest, texts with the first of the alphabet; what is not known comes last, either
    // way.
    const LiveColumn *sort_column() const { return sort_column_; } // null: the order of the snapshot
    bool inverted() const { return inverted_; }
    void sort_by(const LiveColumn *column);
    /// Sort by the neighbour of the sort column in the table, `step` of them to the right.
    void move_sort_column(int step);
    void invert();
    /// Is the largest on top?
    bool descending() const;

    const std::string &filter() const { return filter_; }
    void set_filter(std::string filter);

    // The selection: a row, if there are any.
    std::size_t position() const { return position_; }
    const Row *selected() const { return rows_.empty() ? nullptr : &rows_[position_]; }
    void select(std::size_t position);
    void move_selection(std::int64_t rows);
    /// Select the next row (`step` 1) or the one before (-1) in which `text` occurs, as for a filter, going round at
    /// the end; `stay` if the selected row may be it. False if there is none.
    bool search(std::string_view text, int step, bool stay);

private:
    bool concerns(const Object &object) const;
    void arrange();
    void arrange_columns();
    void sort_rows();
    void measure_columns();
    void restore_selection();

    ChosenColumns chosen_;
    ChosenColumns columns_; // these, and the added ones
    bool adds_columns_ = false;
    std::optional<std::uint32_t> user_;
    std::optional<std::int64_t> process_;
    Snapshot snapshot_;
    Pasts pasts_;
    std::vector<Row> rows_;
    std::vector<int> widths_;
    const LiveColumn *sort_column_ = nullptr;
    bool inverted_ = false;
    std::string filter_;
    std::size_t position_ = 0;
    std::optional<Identity> selection_;
};

} // namespace ipc::watch
