// SPDX-License-Identifier: MIT
#include "name_watch.hpp"

#include "error.hpp"
#include "plugins.hpp"

namespace ipc {
namespace {

using namespace std::chrono_literals;

struct Sight {
    std::optional<ipc_identity> identity;
    bool is_certain = false; // that there is none
};

/// What has the name now. What was removed and is still found, by its number, has it no longer.
Sight look(const Address &address)
{
    const Result<const Plugin *> plugin = load_plugin(address.mechanism);
    if (!plugin || !plugin.value()->inspect())
        return {};
    const CrossingAddress crossing(address);
    Sight sight;
    const ipc_emit_object emit = [](void *context, const ipc_object *emitted) {
        ipc_object object;
        ipc_object_clear(&object);
        adopt(object, emitted);
        if (!(object.flags & IPC_OBJECT_REMOVED))
            static_cast<Sight *>(context)->identity = object.identity;
        return 0;
    };
    const Result<void> looked =
        call(plugin.value()->inspect()->look, crossing.get(), emit, static_cast<void *>(&sight));
    sight.is_certain = looked || looked.error().code() == ENOENT;
    return sight;
}

} // namespace

NameWatch::NameWatch(const Address &address)
    : address_(address), first_(look(address).identity), looked_(std::chrono::steady_clock::now())
{
}

Result<void> NameWatch::check()
{
    const auto now = std::chrono::steady_clock::now();
    if (!first_ || now - looked_ < 500ms)
        return {};
    looked_ = now;
    const Sight sight = look(address_);
    if (sight.identity ? sight.identity->number == first_->number && sight.identity->device == first_->device
                       : !sight.is_certain)
        return {};
    return located(address_.text(),
                   failure(EIDRM, "it was {} while it was waited for (open it again, or stop using it)",
                           sight.identity ? "replaced" : "removed"));
}

} // namespace ipc
