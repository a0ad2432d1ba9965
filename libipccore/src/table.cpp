// SPDX-License-Identifier: MIT
#include "table.hpp"

#include "error.hpp"
#include "terminal_locale.hpp"

#include <libsmartcols/libsmartcols.h>

#include <algorithm>
#include <cstdlib>

namespace ipc {
namespace {

class AlignedTable final : public Table {
public:
    AlignedTable(libscols_table *table, const TableForm &form) : table_(table), form_(form)
    {
        scols_table_enable_noheadings(table, !form.headings);
        scols_table_enable_noencoding(table, 1); // cells are printable already
    }
    ~AlignedTable() override { scols_unref_table(table_); }

    Result<void> add_columns(const std::vector<TableColumn> &columns)
    {
        for (const TableColumn &column : columns) {
            const int flags = (column.right ? SCOLS_FL_RIGHT : 0) | (column.shorten ? SCOLS_FL_TRUNC : 0);
            if (!scols_table_new_column(table_, std::string(column.name).c_str(), 0, flags))
                return failure(ENOMEM, "out of memory for the table");
        }
        return {};
    }

    void add(std::span<const Cell> cells) override
    {
        libscols_line *line = scols_table_new_line(table_, nullptr);
        for (std::size_t i = 0; i < cells.size(); i++)
            if (!line || scols_line_set_data(line, i, text_of(cells[i], form_.exact).c_str()) != 0)
                complete_ = false;
    }

    Result<std::string> text() override
    {
        // A table without lines is printed as nothing at all.
        if (scols_table_get_nlines(table_) == 0)
            return form_.headings ? headings() : std::string();
        char *printed = nullptr;
        // Of text that is none in the locale libsmartcols takes the width for endless. So it gets the one that cells
        // were made printable for.
        const TerminalLocale within;
        const int code = complete_ ? scols_print_table_to_string(table_, &printed) : -ENOMEM;
        const std::unique_ptr<char, decltype(&std::free)> owner(printed, &std::free);
        if (code != 0)
            return failure(-code, "out of memory for the table");
        std::string text(printed);
        if (!text.ends_with('\n'))
            text += '\n';
        return text;
    }

private:
    std::string headings() const
    {
        std::string line;
        for (std::size_t i = 0; i < scols_table_get_ncols(table_); i++) {
            libscols_column *column = scols_table_get_column(table_, i);
            line.append(i ? " " : "").append(scols_column_get_name(column));
        }
        return line + '\n';
    }

    libscols_table *table_;
    const TableForm form_;
    bool complete_ = true;
};

/// Written here, since for ten thousand rows libsmartcols takes longer than everything that was listed.
class RawTable final : public Table {
public:
    RawTable(const std::vector<TableColumn> &columns, const TableForm &form)
    {
        for (std::size_t i = 0; form.headings && i < columns.size(); i++)
            text_.append(i ? " " : "").append(columns[i].name);
        if (!text_.empty())
            text_ += '\n';
    }

    void add(std::span<const Cell> cells) override
    {
        for (std::size_t i = 0; i < cells.size(); i++) {
            if (i)
                text_ += ' ';
            if (const std::string *value = std::get_if<std::string>(&cells[i]))
                append_word(*value);
            else
                append_text(text_, cells[i], true);
        }
        text_ += '\n';
    }

    Result<std::string> text() override { return std::move(text_); }

private:
    /// Blanks and backslashes are escaped too, so that each cell is one word and can be read back.
    void append_word(const std::string &value)
    {
        const auto is_plain = [](char letter) { return letter > ' ' && letter < 0x7f && letter != '\\'; };
        if (std::all_of(value.begin(), value.end(), is_plain)) {
            text_ += value;
            return;
        }
        std::string_view rest = value;
        for (std::size_t end; (end = rest.find_first_of(" \\")) != rest.npos; rest.remove_prefix(end + 1)) {
            append_text(text_, std::string(rest.substr(0, end)), true);
            text_ += rest[end] == ' ' ? "\\x20" : "\\x5C";
        }
        append_text(text_, std::string(rest), true);
    }

    std::string text_;
};

} // namespace

Result<std::unique_ptr<Table>> Table::create(const std::vector<TableColumn> &columns, const TableForm &form)
{
    if (form.raw)
        return std::unique_ptr<Table>(std::make_unique<RawTable>(columns, form));
    libscols_table *raw = scols_new_table();
    if (!raw)
        return failure(ENOMEM, "out of memory for the table");
    auto table = std::make_unique<AlignedTable>(raw, form);
    IPC_TRY(table->add_columns(columns));
    return std::unique_ptr<Table>(std::move(table));
}

} // namespace ipc
