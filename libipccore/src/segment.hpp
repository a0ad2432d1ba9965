// SPDX-License-Identifier: MIT
// A segment, whatever its mechanism: memory that several processes map.
#pragma once

#include "address.hpp"
#include "plugins.hpp"

#include <ipc/plugin.h>
#include <ipc/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ipc {

enum class Access : std::uint32_t { read = IPC_READ, write = IPC_WRITE, both = IPC_READ | IPC_WRITE };

/// Owner and mode of an object to be created. The default is the caller's own, for the caller alone.
struct Ownership {
    std::uint32_t mode = 0600;
    std::int64_t owner = -1;
    std::int64_t group = -1;
    bool mode_given = false; // by the user, and no default
};

/// Move-only; the destructor closes and never removes. Every error names the address.
class Segment {
public:
    /// Create exclusively: EEXIST if there is one.
    static Result<Segment> create(const Address &address, std::uint64_t bytes, const Ownership &ownership);
    /// The same for one that is filled before anybody may find it: it has no name before commit(), which is EEXIST if
    /// the name was taken meanwhile, and without commit() has never been. Where the mechanism cannot, it is there at
    /// once.
    static Result<Segment> create_unnamed(const Address &address, std::uint64_t bytes, const Ownership &ownership);
    static Result<Segment> open(const Address &address, Access access);

    /// Are segments of this mechanism gone when nobody holds them any more? Known before there is one.
    static Result<bool> are_transient(const Address &address);
    /// Can segments of this mechanism get another size?
    static Result<bool> are_resizable(const Address &address);

    /// The tightest of a mechanism's limits in bytes, and what it leaves for one segment more.
    struct Room {
        std::uint64_t bytes = UINT64_MAX; // if there is no limit
        std::string limit;
    };
    static Result<Room> room_for_one(const Address &address);

    /// What it can be reached by: without parameters after create(), and with a name that works where the one it was
    /// created by does not.
    const Address &address() const { return address_; }
    /// As it is now: other processes may resize it at any time.
    Result<ipc_segment_status> status() const;
    /// All of it, as opened; valid until the next resize() or the end of the Segment. Its pages may vanish when a peer
    /// truncates the object: let only system calls touch them, which then fail with EFAULT, where code would get
    /// SIGBUS.
    Result<std::span<std::byte>> map();
    Result<void> resize(std::uint64_t bytes);
    bool resizable() const { return table_->resize; }
    /// Is it gone when nobody holds it any more?
    bool transient() const { return table_->features & IPC_SEGMENT_TRANSIENT; }
    /// Can it be mapped by this process, or only be read and written?
    bool mappable();

    /// Copy bytes at `offset`; returns how many there were (fewer at the end of the segment). Never SIGBUS: where there
    /// is no descriptor the kernel copies from the mapping.
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into);
    /// The other way.
    Result<std::size_t> write(std::uint64_t offset, std::span<const std::byte> from);
    /// Everything has been written: let the mechanism do what the address asks for that had to wait for it. A mapping
    /// ends here.
    Result<void> commit();

    /// An object inside the segment, or what is left for more of them.
    struct Part {
        std::string name; // any byte but NUL; empty for free memory
        std::string type; // empty if it is not known
        std::uint64_t offset, bytes;
        bool is_free;
    };
    /// Nothing if segments of the mechanism are bytes and nothing more, or if this is a part itself.
    Result<std::optional<std::vector<Part>>> parts();
    /// Remove it, if its name still means it: for undoing a creation. What is transient or has no name yet goes by
    /// itself.
    Result<void> remove();

private:
    struct Close {
        const ipc_segment_v1 *table;
        void operator()(ipc_segment *segment) const { table->close(segment); }
    };
    Segment(const Address &address, const ipc_segment_v1 *table, ipc_segment *handle)
        : address_(address), table_(table), handle_(handle, Close{table})
    {
    }
    /// What create() or create_unnamed() has made, under the address that reaches it.
    static Result<Segment> created(const Address &address, const ipc_segment_v1 *table, ipc_segment *handle,
                                   bool unnamed);
    Address address_;
    const ipc_segment_v1 *table_;
    std::unique_ptr<ipc_segment, Close> handle_;
    bool unnamed_ = false;
};

} // namespace ipc
