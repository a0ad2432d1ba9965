// SPDX-License-Identifier: MIT
#include "sequence.hpp"

#include "error.hpp"
#include "printable.hpp"
#include "word_type.hpp"

namespace ipc {

Result<SequenceWord> parse_sequence_word(std::string_view text)
{
    const Result<WordPlace> place = parse_word_place(text);
    if (!place)
        return usage_error("seq={}: {}; a sequence word is written seq=u32@OFFSET or seq=u64@OFFSET", printable(text),
                           place.error().text());
    const std::string &type = place.value().type.name();
    if (type != "u32" && type != "u64")
        return usage_error("seq={}: {} is no type of a sequence word (write seq=u32@OFFSET or seq=u64@OFFSET)",
                           printable(text), type);
    const SequenceWord word = {place.value().offset, place.value().type.width()};
    if (word.offset % word.bytes != 0)
        return usage_error("seq={}: offset {} is not aligned (a {} is at a multiple of {})", printable(text),
                           word.offset, type, word.bytes);
    return word;
}

std::string text_of(const SequenceWord &word) { return fmt::format("u{}@{}", word.bytes * 8, word.offset); }

} // namespace ipc
