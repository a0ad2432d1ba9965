// SPDX-License-Identifier: MIT
// Rows of cells on standard output: as an aligned table, or raw for scripts. Brings libsmartcols into the command that
// uses it.
#pragma once

#include "columns.hpp"

#include <ipc/result.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipc {

struct TableColumn {
    std::string_view name;
    bool right = false;   // aligned
    bool shorten = false; // where a terminal is too narrow for the table
};

struct TableForm {
    /// Cells separated by one blank, in which blanks, backslashes and control characters are \xNN, as lsblk --raw has
    /// it.
    bool raw = false;
    bool headings = true;
    bool exact = false; // see text_of()
};

class Table {
public:
    virtual ~Table() = default;
    /// One row, with as many cells as there are columns.
    virtual void add(std::span<const Cell> cells) = 0;
    /// All of it, with a newline behind each line.
    virtual Result<std::string> text() = 0;

    static Result<std::unique_ptr<Table>> create(const std::vector<TableColumn> &columns, const TableForm &form);
};

} // namespace ipc
