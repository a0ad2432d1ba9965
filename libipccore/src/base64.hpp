// SPDX-License-Identifier: MIT
// Base 64 (RFC 4648, section 4, padded), for payloads that are no text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ipc {

void append_base64(std::span<const std::byte> bytes, std::string &out);

/// Strict: nothing if `text` has foreign characters, wrong padding or bits that decode to nothing.
std::optional<std::string> decode_base64(std::string_view text);

} // namespace ipc
