// SPDX-License-Identifier: MIT
// What a mutex's segment holds, /dev/shm/mutex.NAME, and a mapping of it.
//
// Whoever may write it may write anything into it at any time: what is used is copied out and checked first.
#pragma once

#include "robust_word.hpp"

#include <ipc/fd.hpp>
#include <ipc/posix_name.hpp>
#include <ipc/process_mark.hpp>
#include <ipc/result.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <pthread.h>

struct ImageHeader {
    char magic[8];
    std::uint32_t version;
    std::uint32_t bytes;   ///< of the segment
    std::uint32_t parties; ///< of a barrier; 0 for a mutex
    std::uint32_t reserved;
    std::uint64_t checksum; ///< of what stands before
};

/// Who has come to a barrier, and for which of its rounds.
struct Arrival {
    ipc::ProcessMark process;
    std::uint32_t round;
    std::uint32_t reserved;
};

struct Image {
    ImageHeader header;
    alignas(64) pthread_mutex_t mutex;    ///< robust and shared; of it only the first word is used here
    alignas(64) ipc::ProcessMark command; ///< that runs under the lock, if the lock's owner started one
    std::int64_t since;                   ///< when `locker` locked it, nanoseconds since 1970, for who looks at it
    std::uint32_t locker;                 ///< the thread, as the mutex's word has it
    alignas(64) std::uint32_t round;      ///< of a barrier: grows by one when all have come, and that lets them go
    alignas(64) Arrival arrivals[1];      ///< as many as there are parties
};

static_assert(offsetof(Image, arrivals) == 256 && sizeof(Arrival) == 32); // see also ipc::is_no_segment()

inline constexpr std::uint64_t most_parties = 65536;
/// Bytes of a segment for a mutex (0) or for a barrier.
inline constexpr std::uint64_t image_bytes(std::uint64_t parties)
{
    return offsetof(Image, arrivals) + parties * sizeof(Arrival);
}

/// "mutex.NAME", the file in the directory of POSIX shared memory.
class LeafName {
public:
    static ipc::Result<void> check(const char *name);
    explicit LeafName(const char *name);
    const char *text() const { return text_; }
    /// "/NAME" of a file there; NULL if it is not named like one.
    static const char *name_of(const char *leaf);

private:
    char text_[NAME_MAX + 1];
};

/// For create_file(): `bytes` says for how many parties it is.
ipc::Result<void> write_image(int descriptor, std::uint64_t bytes);

/// The parties that a valid header of a segment of so many bytes says. EINVAL for anything else.
ipc::Result<std::uint64_t> check_header(const ImageHeader &header, std::uint64_t bytes);

/// What loss() says in words.
ipc::Error loss_error(int code);

/// Mapped, with a private page before it.
class MappedImage {
public:
    static ipc::Result<MappedImage> map(int descriptor);
    MappedImage(MappedImage &&other) noexcept;
    MappedImage &operator=(MappedImage &&) = delete;
    ~MappedImage();

    Image *operator->() const { return image_; }
    std::uint64_t parties() const { return parties_; } ///< as they were checked
    /// What has become of the file while it was mapped: 0, EIDRM if it has no name any more, EFAULT if it was cut off.
    int loss(int descriptor) const;
    std::uint32_t *word() const { return reinterpret_cast<std::uint32_t *>(&image_->mutex); }

private:
    MappedImage(void *begin, std::size_t length) : begin_(begin), length_(length) {}
    void *begin_;
    std::size_t length_;
    Image *image_ = nullptr;
    std::uint64_t parties_ = 0;
};
