// SPDX-License-Identifier: MIT
// mutex: robust mutexes that processes share, in segments of their own. See image.hpp and robust_word.hpp.
#include "mutex.hpp"

#include "barrier.hpp"
#include "image.hpp"

#include <ipc/descriptor_segment.hpp>
#include <ipc/semaphore.hpp>
#include <ipc/shm_directory.hpp>

#include <poll.h>

#include <string>

using namespace ipc;

namespace {

/// Sleep until the process has ended; 0, or why it was not waited for any longer. It need not be a child.
int wait_for_end(const ProcessMark &process, const Deadline &deadline, const std::function<int()> &loss)
{
    constexpr std::int64_t second = 1'000'000'000;
    const Fd handle(is_of_own_space(process) ? static_cast<int>(::syscall(SYS_pidfd_open, process.process, 0)) : -1);
    while (!has_ended(process)) {
        if (deadline.over())
            return deadline.code();
        pollfd end = {handle.get(), POLLIN, 0};
        const timespec pause = timespec_of(deadline.left_within(second));
        if (::ppoll(&end, 1, &pause, nullptr) < 0 && errno == EINTR && wait_is_interrupted())
            return EINTR;
        if (const int lost = loss())
            return lost;
    }
    return 0;
}

Error not_locked(int code)
{
    return code == EIDRM || code == EFAULT ? loss_error(code) : vain_wait(code, "locked by another process");
}

std::int64_t now()
{
    timespec time;
    ::clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

class Mutex {
public:
    static constexpr std::uint32_t features = IPC_SEMAPHORE_RELEASED;

    Mutex(Fd file, MappedImage image) : file_(std::move(file)), image_(std::move(image)), word_(image_.word()) {}
    Mutex(const Mutex &) = delete;
    Mutex &operator=(const Mutex &) = delete;
    ~Mutex()
    {
        if (locked_)
            (void)unlock();
        note_use(file_.get());
    }

    static Result<std::unique_ptr<Mutex>> create(const ipc_address &address, std::uint32_t purpose, std::uint64_t value,
                                                 const ipc_ownership &ownership);
    static Result<std::unique_ptr<Mutex>> open(const ipc_address &address);

    Result<void> status(ipc_semaphore_status &status);
    Result<std::uint64_t> lock(std::uint64_t slots, bool shared, std::int64_t timeout);
    Result<void> unlock();
    Result<void> entrust(std::int64_t process);
    Result<void> meet(std::uint64_t parties, std::int64_t timeout);

private:
    Result<void> wait_for_command(const Deadline &deadline);
    Result<void> check_name() const;

    Fd file_;
    MappedImage image_;
    RobustWord word_;
    std::uint64_t space_ = process_space();
    bool locked_ = false;
    bool known_ = false; ///< to have had its name when it was locked for the first time; later that would cost a call
};

Result<std::unique_ptr<Mutex>> Mutex::create(const ipc_address &address, std::uint32_t purpose, std::uint64_t value,
                                             const ipc_ownership &ownership)
{
    const bool barrier = purpose == IPC_PURPOSE_MEET;
    if (!barrier && value != 1)
        return Error::of(EINVAL, "a mutex is free when it is made, and locked by one (its value is 1)");
    if (barrier && (value == 0 || value > most_parties))
        return Error::of(EINVAL, "a barrier is for 1 to %llu, not for %llu",
                         static_cast<unsigned long long>(most_parties), static_cast<unsigned long long>(value));
    const Fd directory = IPC_TRY(open_shm_directory());
    IPC_TRY(expect_memory(directory.get()));
    const LeafName leaf(address.name);
    Fd file = IPC_TRY(create_file(directory.get(), leaf.text(), image_bytes(barrier ? value : 0), ownership,
                                  shm_directory, write_image));
    MappedImage image = IPC_TRY(MappedImage::map(file.get()));
    return std::make_unique<Mutex>(std::move(file), std::move(image));
}

Result<std::unique_ptr<Mutex>> Mutex::open(const ipc_address &address)
{
    const std::string path = std::string(shm_directory) + '/' + LeafName(address.name).text();
    Fd file = IPC_TRY(open_file(path.c_str(), IPC_READ | IPC_WRITE, O_NOFOLLOW));
    MappedImage image = IPC_TRY(MappedImage::map(file.get()));
    note_use(file.get());
    return std::make_unique<Mutex>(std::move(file), std::move(image));
}

Result<void> Mutex::status(ipc_semaphore_status &status)
{
    struct statx file;
    if (const int code = file_status(file_.get(), file))
        return Error::system("its status cannot be read", code);
    const std::uint32_t owner = word_.owner();
    const ProcessMark command = image_->command;
    status.features = features;
    status.value = owner ? 0 : 1;
    status.max_value = 1;
    status.waiters = IPC_UNKNOWN;
    status.last_process = owner && command ? command.process : owner;
    status.identity = identity_of(file);
    status.name = nullptr;
    status.purpose = image_.parties() ? IPC_PURPOSE_MEET : IPC_PURPOSE_COUNT;
    status.number = image_.parties();
    return {};
}

Result<std::uint64_t> Mutex::lock(std::uint64_t slots, bool shared, std::int64_t timeout)
{
    if (shared || slots > 1)
        return Error::of(ENOTSUP, "a mutex is locked by one (leave out --slots and --shared)");
    if (image_.parties())
        return Error::of(EINVAL, "it is a barrier for %llu (use --barrier, or another name)",
                         static_cast<unsigned long long>(image_.parties()));
    const Deadline deadline(timeout);
    const int code = word_.lock(deadline, [this] { return image_.loss(file_.get()); });
    if (code && code != EOWNERDEAD)
        return not_locked(code);
    locked_ = true;
    Result<void> ours = wait_for_command(deadline);
    if (ours && !known_)
        ours = check_name();
    if (ours) {
        known_ = true;
        image_->since = now();
        image_->locker = word_.owner();
        return std::uint64_t(1);
    }
    word_.unlock(); // and a command that was found stays entered
    locked_ = false;
    return ours.error();
}

/// What was removed between being opened and being locked locks nobody out.
Result<void> Mutex::check_name() const
{
    if (const int lost = image_.loss(file_.get()))
        return loss_error(lost);
    return {};
}

/// Whoever had it before may have died while its command goes on.
Result<void> Mutex::wait_for_command(const Deadline &deadline)
{
    const ProcessMark command = image_->command;
    if (!command)
        return {};
    const int code = wait_for_end(command, deadline, [this] { return image_.loss(file_.get()); });
    if ((code == EAGAIN || code == ETIMEDOUT) && !is_of_own_space(command))
        return vain_wait(code, "its owner died, and whether its command has ended cannot be seen from this process "
                               "namespace");
    if (code)
        return not_locked(code);
    image_->command = {};
    return {};
}

Result<void> Mutex::unlock()
{
    if (!locked_)
        return {};
    locked_ = false;
    image_->command.process = 0;
    image_->locker = 0;
    if (word_.unlock())
        return {};
    return Error::of(EPERM, "another process has overwritten it while it was locked (find out which, and remove it)");
}

Result<void> Mutex::entrust(std::int64_t process)
{
    const ProcessMark mark = mark_of(process, space_);
    image_->command.start = mark.start;
    image_->command.space = mark.space;
    std::atomic_ref(image_->command.process).store(mark.process); // with which it counts
    // As long as the lock has not been given back by then, whoever gets it finds the command.
    if (word_.is_ours())
        return {};
    return Error::of(EOWNERDEAD, "who locked it has died meanwhile");
}

Result<void> Mutex::meet(std::uint64_t parties, std::int64_t timeout)
{
    if (!image_.parties())
        return Error::of(EINVAL, "it was made as a mutex and is no barrier (use another name)");
    if (parties != image_.parties())
        return Error::of(EINVAL, "it is a barrier for %llu, not for %llu (give that number, or remove it first)",
                         static_cast<unsigned long long>(image_.parties()), static_cast<unsigned long long>(parties));
    return meet_at(image_, word_, file_.get(), timeout);
}

Result<void> check(const ipc_address &address) { return LeafName::check(address.name); }

Result<void> remove(const ipc_address &address, const Removal &removal)
{
    const Fd directory = IPC_TRY(open_shm_directory());
    return remove_file(directory.get(), LeafName(address.name).text(), removal);
}

constexpr ipc_semaphore_v1 semaphore = semaphore_table<Mutex>();

const void *capability(const char *name)
{
    const std::string_view wanted = name;
    if (wanted == IPC_SEMAPHORE_1)
        return &semaphore;
    return wanted == IPC_INSPECT_1 ? &::mutex::inspect : nullptr;
}

constexpr ipc_plugin plugin = {
    .size = sizeof(ipc_plugin),
    .abi = IPC_ABI,
    .id = "mutex",
    .summary = "robust process-shared mutexes",
    .version = "1.0",
    .parameters = nullptr,
    .parameter_count = 0,
    .flags = 0,
    .init = keep_host,
    .capability = capability,
    .check = guard<check>,
    .remove = remove_always<remove>,
    .remove_unused = remove_unused<remove>,
};

} // namespace

IPC_PLUGIN(plugin)
