// SPDX-License-Identifier: MIT
#include "lettering.hpp"

#include <algorithm>
#include <cstring>
#include <cwchar>
#include <langinfo.h>

namespace ipc::watch {
namespace {

/// The first character of a text: its bytes, and its columns; -1 if it cannot be drawn.
struct Glyph {
    std::size_t bytes;
    int columns;
};

Glyph first_glyph(std::string_view text)
{
    if (text.front() >= ' ' && text.front() < '\x7f')
        return {1, 1};
    std::mbstate_t state = {};
    wchar_t character;
    const std::size_t bytes = std::mbrtowc(&character, text.data(), text.size(), &state);
    if (bytes == 0 || bytes > text.size())
        return {1, -1};
    return {bytes, ::wcwidth(character)};
}

/// Call `see(columns, bytes)` for each character, with "?" for those that cannot be drawn, until it answers false.
template <typename See> void each_glyph(std::string_view text, See see)
{
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        const bool drawable = glyph.columns >= 0;
        if (!see(drawable ? glyph.columns : 1, drawable ? text.substr(0, glyph.bytes) : std::string_view("?")))
            return;
        text.remove_prefix(glyph.bytes);
    }
}

std::string cut(std::string_view text, int width)
{
    std::string out;
    int used = 0;
    each_glyph(text, [&](int columns, std::string_view bytes) {
        if (used + columns > width)
            return false;
        used += columns;
        out += bytes;
        return true;
    });
    out.append(static_cast<std::size_t>(width - used), ' ');
    return out;
}

} // namespace

bool locale_is_utf8() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

int width_of(std::string_view text)
{
    int width = 0;
    each_glyph(text, [&](int columns, std::string_view) {
        width += columns;
        return true;
    });
    return width;
}

std::string fit(std::string_view text, int width, Align align)
{
    if (width <= 0)
        return {};
    const int needed = width_of(text);
    if (needed > width)
        return cut(text, width - 1) + (locale_is_utf8() ? "…" : "~");
    if (align == Align::left)
        return cut(text, width);
    return std::string(static_cast<std::size_t>(width - needed), ' ') + cut(text, needed);
}

std::string wrapped(std::string_view text, int width)
{
    std::string out;
    int used = 0;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        const int columns = width_of(word);
        if (used > 0 && used + 1 + columns > width) {
            out += '\n';
            used = 0;
        } else if (used > 0) {
            out += ' ';
            used++;
        }
        out += word;
        used += columns;
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return out;
}

} // namespace ipc::watch
