// SPDX-License-Identifier: MIT
// mqrm - remove queues.
#include "remove_command.hpp"
#include "rescue.hpp"

namespace {

/// Saves the messages of the one queue that is removed.
class Rescuer {
public:
    Rescuer(ipc::Command &command, const std::optional<std::string> &file) : command_(command), file_(file) {}

    ipc::Result<void> save(const ipc::Object &object)
    {
        if (!file_)
            return {};
        if (is_used_)
            return ipc::failure(EEXIST, "not removed, since only the messages of one queue can be saved at a time");
        const ipc::Rescue rescue = IPC_TRY(ipc::rescue_messages(object.address, *file_));
        is_used_ = true;
        command_.note(fmt::format("{}: messages saved: {}", object.address.text(), rescue.saved));
        if (rescue.unreadable)
            command_.report(ipc::failure(EBADMSG, "{}: messages lost, since they are not whole: {} ({})",
                                         object.address.text(), rescue.unreadable, rescue.reason));
        return {};
    }

private:
    ipc::Command &command_;
    const std::optional<std::string> &file_;
    bool is_used_ = false;
};

} // namespace

ipc::Result<int> ipc::run(ipc::Command &command)
{
    std::optional<std::string> file;
    command.option("rescue", "OUTFILE", file,
                   "save the messages of the queue in this new file before it is removed, - for standard output",
                   Complete::file);
    Rescuer rescuer(command, file);
    return run_remove(command, queue_family,
                      "  mqrm posix:/jobs sysv:id=3\n"
                      "  mqrm 'posix:/test-*'\n"
                      "  mqrm --rescue messages sysv:0x51e && mqmk sysv:0x51e && mqsend sysv:0x51e -J -i messages\n"
                      "  mqrm --owner build --older-than 1d --dry-run\n",
                      [&](const Object &object) { return rescuer.save(object); });
}
