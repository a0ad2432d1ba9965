// SPDX-License-Identifier: MIT
// What the tests of boost-shm share: segments that Boost made, seen through the plugin.
#pragma once

#include "segment.hpp"

#include <ipc/fd.hpp>

#include <boost/interprocess/managed_shared_memory.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace boost_shm_test {

namespace interprocess = boost::interprocess;

/// A name that nobody has; what exists under it is removed at the end.
class FreshName {
public:
    FreshName() : text_("ipc-boost-shm-" + std::to_string(::getpid()) + "-" + std::to_string(count()++)) {}
    ~FreshName() { ::shm_unlink(text_.c_str()); }
    FreshName(const FreshName &) = delete;
    const char *text() const { return text_.c_str(); }
    ipc::Address address() const { return {"boost-shm", text_, {}}; }
    ipc::Address address(const std::string &object) const { return {"boost-shm", text_ + "#" + object, {}}; }
    /// The file itself, beside Boost and the plugin.
    ipc::Fd file() const { return ipc::Fd(::shm_open(text_.c_str(), O_RDWR, 0600)); }

private:
    static int &count()
    {
        static int number = 0;
        return number;
    }
    std::string text_;
};

using Part = ipc::Segment::Part;

inline ipc::Result<std::vector<Part>> parts_of(const FreshName &name)
{
    ipc::Segment segment = IPC_TRY(ipc::Segment::open(name.address(), ipc::Access::read));
    auto parts = IPC_TRY(segment.parts());
    if (!parts)
        return ipc::Error::of(ENOTSUP, "no parts");
    return std::move(*parts);
}

inline std::optional<Part> find(const std::vector<Part> &parts, const std::string &name, const std::string &type)
{
    auto found = std::find_if(parts.begin(), parts.end(), [&](const Part &part) {
        return !part.is_free && part.name == name && part.type == type;
    });
    return found == parts.end() ? std::nullopt : std::optional(*found);
}

inline std::optional<Part> free_part(const std::vector<Part> &parts)
{
    auto found = std::find_if(parts.begin(), parts.end(), [](const Part &part) { return part.is_free; });
    return found == parts.end() ? std::nullopt : std::optional(*found);
}

/// The code of a Result's error, 0 for none.
template <typename Result> int code_of(const Result &result) { return result.ok() ? 0 : result.error().code(); }

} // namespace boost_shm_test
