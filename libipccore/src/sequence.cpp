// SPDX-License-Identifier: MIT
#include "sequence.hpp"

#include "error.hpp"
#include "printable.hpp"
#include "quantity.hpp"

namespace ipc {

Result<SequenceWord> parse_sequence_word(std::string_view text)
{
    const std::size_t at = text.find('@');
    const std::string_view type = text.substr(0, at);
    if (type != "u32" && type != "u64")
        return usage_error("seq={}: \"{}\" is no type of a sequence word (write seq=u32@OFFSET or seq=u64@OFFSET)",
                           printable(text), printable(type));
    if (at == text.npos)
        return usage_error("seq={}: its offset is missing (write seq={}@0)", printable(text), type);
    SequenceWord word = {0, type == "u32" ? std::size_t{4} : std::size_t{8}};
    Result<std::uint64_t> offset = parse_size(text.substr(at + 1));
    if (!offset)
        return usage_error("seq={}: {}", printable(text), offset.error().text());
    word.offset = *offset;
    if (word.offset % word.bytes != 0)
        return usage_error("seq={}: offset {} is not aligned (a {} is at a multiple of {})", printable(text),
                           word.offset, type, word.bytes);
    return word;
}

std::string text_of(const SequenceWord &word) { return fmt::format("u{}@{}", word.bytes * 8, word.offset); }

} // namespace ipc
