// SPDX-License-Identifier: MIT
// The plugin under examination, and addresses of objects that do not exist yet.
#pragma once

#include "address.hpp"
#include "plugins.hpp"

#include <string>

namespace conformance {

/// The plugin of $IPCUTILS_MECHANISM. Ends the program with a message if there is none.
const ipc::Plugin &subject();

/// An address that the mechanism accepts and that no object has. What is made under it is removed by the destructor.
class FreshAddress {
public:
    FreshAddress();
    ~FreshAddress();
    FreshAddress(const FreshAddress &) = delete;
    const ipc::Address &operator*() const { return address_; }
    const ipc::Address *operator->() const { return &address_; }

private:
    ipc::Address address_;
};

/// Remove by address; with `expected` only the object with that identity.
ipc::Result<void> remove(const ipc::Address &address, const ipc_identity *expected = nullptr);

/// The code of a Result's error, 0 for none.
template <typename Result> int code_of(const Result &result) { return result.ok() ? 0 : result.error().code(); }

/// An error text is one sentence: not empty, no final newline, no control character.
bool is_sentence(const char *text);

} // namespace conformance
