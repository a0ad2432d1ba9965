// SPDX-License-Identifier: MIT
#include "semaphore_file.hpp"

#include <ipc/descriptor_segment.hpp>
#include <ipc/futex.hpp>
#include <ipc/shm_directory.hpp>

#include <sys/mman.h>

#include <bit>
#include <string>
#include <utility>

using namespace ipc;

namespace {

constexpr std::uint64_t one_waiter = std::uint64_t(1) << 32;

/// The library's own making of a semaphore, and the tag.
SemaphoreImage new_image(std::uint64_t value, std::uint64_t slots)
{
    SemaphoreImage image = {};
    sem_init(reinterpret_cast<sem_t *>(&image), 1, static_cast<unsigned>(value));
    if (slots)
        std::memcpy(image.tag, slot_tag, sizeof slot_tag);
    image.slots = static_cast<std::uint32_t>(slots);
    return image;
}

} // namespace

Result<void> LeafName::check(const char *name)
{
    IPC_TRY(PosixName::check(name));
    constexpr std::size_t most = NAME_MAX - 8; // of the longer prefix
    const std::size_t length = std::strlen(PosixName(name).leaf());
    if (length > most)
        return Error::of(EINVAL, "the name has %zu bytes behind its slash (at most %zu are allowed)", length, most);
    return {};
}

LeafName::LeafName(const char *prefix, const char *name)
{
    std::snprintf(text_, sizeof text_, "%s%.*s", prefix, int(sizeof text_ - 1 - std::strlen(prefix)),
                  PosixName(name).leaf());
}

/// create_file() makes zeros, which here are a value like another: the file gets its image before it gets its name, in
/// a process that has only this one to make.
static SemaphoreImage image_to_write;

Result<SemaphoreFile> SemaphoreFile::create(const char *name, std::uint64_t value, std::uint64_t slots,
                                            const ipc_ownership &ownership)
{
    const Fd directory = IPC_TRY(open_shm_directory());
    IPC_TRY(expect_memory(directory.get()));
    image_to_write = new_image(value, slots);
    const auto write_image = [](int descriptor, std::uint64_t) -> Result<void> {
        if (::pwrite(descriptor, &image_to_write, sizeof image_to_write, 0) != sizeof image_to_write)
            return Error::system("writing it");
        return {};
    };
    return map(IPC_TRY(create_file(directory.get(), semaphore_leaf(name).text(), sizeof(SemaphoreImage), ownership,
                                   shm_directory, write_image)));
}

Result<SemaphoreFile> SemaphoreFile::open(const char *name)
{
    const std::string path = std::string(shm_directory) + '/' + semaphore_leaf(name).text();
    Fd opened = IPC_TRY(open_file(path.c_str(), IPC_READ | IPC_WRITE, O_NOFOLLOW));
    SemaphoreFile file = IPC_TRY(map(std::move(opened)));
    note_use(file.file_.get());
    return file;
}

Result<SemaphoreFile> SemaphoreFile::map(Fd file)
{
    struct statx status;
    if (const int code = file_status(file.get(), status))
        return Error::system("its status cannot be read", code);
    if (status.stx_size != sizeof(SemaphoreImage))
        return Error::of(EINVAL,
                         "there is a file of that name with %llu bytes, and a semaphore has %zu (remove it, or "
                         "choose another name)",
                         static_cast<unsigned long long>(status.stx_size), sizeof(SemaphoreImage));
    void *address = ::mmap(nullptr, sizeof(SemaphoreImage), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (address == MAP_FAILED)
        return Error::system("mapping it");
    return SemaphoreFile(std::move(file), status, static_cast<SemaphoreImage *>(address));
}

SemaphoreFile::SemaphoreFile(Fd file, const struct statx &status, SemaphoreImage *image)
    : file_(std::move(file)), opened_(status), image_(image)
{
    const SemaphoreImage copy = *image;
    const bool tagged = std::memcmp(copy.tag, slot_tag, sizeof slot_tag) == 0;
    slots_ = tagged && copy.slots <= most_slots ? copy.slots : 0;
}

SemaphoreFile::SemaphoreFile(SemaphoreFile &&other) noexcept
    : file_(std::move(other.file_)), opened_(other.opened_), image_(std::exchange(other.image_, nullptr)),
      slots_(other.slots_)
{
}

SemaphoreFile::~SemaphoreFile()
{
    if (!image_)
        return;
    note_use(file_.get());
    ::munmap(image_, sizeof *image_);
}

Result<struct statx> SemaphoreFile::status() const
{
    struct statx status;
    if (const int code = file_status(file_.get(), status))
        return Error::system("its status cannot be read", code);
    return status;
}

std::uint32_t *SemaphoreFile::futex() const
{
    return reinterpret_cast<std::uint32_t *>(&image_->word) + (std::endian::native == std::endian::big ? 1 : 0);
}

bool SemaphoreFile::take(std::uint64_t count)
{
    std::uint64_t seen = word().load();
    while ((seen & UINT32_MAX) >= count)
        if (word().compare_exchange_weak(seen, seen - count))
            return true;
    return false;
}

bool SemaphoreFile::give(std::uint64_t count)
{
    std::uint64_t seen = word().load();
    do
        if (count > largest_value || (seen & UINT32_MAX) > largest_value - count)
            return false;
    while (!word().compare_exchange_weak(seen, seen + count));
    if (seen >> 32)
        futex_wake(futex(), static_cast<int>(count));
    return true;
}

int SemaphoreFile::sleep_until_positive(std::int64_t nanoseconds)
{
    word().fetch_add(one_waiter);
    const int code = futex_sleep(futex(), 0, nanoseconds);
    word().fetch_sub(one_waiter);
    return code == ETIMEDOUT ? 0 : code;
}
