// SPDX-License-Identifier: MIT
#include "image.hpp"

#include <ipc/checksum.hpp>

#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <utility>

using namespace ipc;

namespace {

constexpr char magic[8] = {'i', 'p', 'c', 'm', 'u', 't', 'e', 'x'};
constexpr std::uint32_t version = 1;
constexpr std::string_view prefix = "mutex.";

std::uint64_t checksum_of(const ImageHeader &header) { return checksum(&header, offsetof(ImageHeader, checksum)); }

Error damaged(const char *how)
{
    return Error::of(EINVAL, "the segment of that name holds no mutex: %s (remove it, or choose another name)", how);
}

void initialise(pthread_mutex_t &mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

} // namespace

Result<void> LeafName::check(const char *name)
{
    IPC_TRY(PosixName::check(name));
    const std::size_t length = std::strlen(PosixName(name).leaf()), most = NAME_MAX - prefix.size();
    if (length > most)
        return Error::of(EINVAL, "the name has %zu bytes behind its slash (at most %zu are allowed)", length, most);
    return {};
}

LeafName::LeafName(const char *name)
{
    std::snprintf(text_, sizeof text_, "%s%.*s", prefix.data(), int(sizeof text_ - 1 - prefix.size()),
                  PosixName(name).leaf());
}

const char *LeafName::name_of(const char *leaf)
{
    return std::string_view(leaf).starts_with(prefix) && leaf[prefix.size()] ? leaf + prefix.size() : nullptr;
}

Result<void> write_image(int descriptor, std::uint64_t bytes)
{
    Image image = {};
    std::memcpy(image.header.magic, magic, sizeof magic);
    image.header.version = version;
    image.header.bytes = static_cast<std::uint32_t>(bytes);
    image.header.parties = static_cast<std::uint32_t>((bytes - image_bytes(0)) / sizeof(Arrival));
    image.header.checksum = checksum_of(image.header);
    initialise(image.mutex);
    const std::size_t length = image_bytes(0);
    if (::pwrite(descriptor, &image, length, 0) != static_cast<ssize_t>(length))
        return Error::system("writing it");
    return {};
}

Result<std::uint64_t> check_header(const ImageHeader &header, std::uint64_t bytes)
{
    if (std::memcmp(header.magic, magic, sizeof magic) != 0)
        return damaged("it does not begin like one");
    if (header.version != version)
        return Error::of(EINVAL, "its layout is of version %u, this is version %u (use the version that made it)",
                         header.version, version);
    if (header.checksum != checksum_of(header))
        return damaged("its header was changed");
    if (header.parties > most_parties || header.bytes != bytes || image_bytes(header.parties) != bytes)
        return damaged("it has another size than it says");
    return std::uint64_t(header.parties);
}

Error loss_error(int code)
{
    if (code == EIDRM)
        return Error::of(EIDRM, "it was removed while it was waited for (create it again, or stop using it)");
    return Error::of(EFAULT, "its memory is gone: another process has cut it off (remove it with semrm)");
}

Result<MappedImage> MappedImage::map(int descriptor)
{
    struct stat status;
    if (::fstat(descriptor, &status) != 0)
        return Error::system("its size cannot be read");
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    if (bytes < image_bytes(0) || bytes > image_bytes(most_parties))
        return damaged("it is too small or too large for one");
    const std::size_t page = robust_distance(), length = page + (bytes + page - 1) / page * page;
    void *begin = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED)
        return Error::system("mapping it");
    MappedImage mapped(begin, length);
    void *shared =
        ::mmap(static_cast<char *>(begin) + page, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
    if (shared == MAP_FAILED)
        return Error::system("mapping it");
    mapped.image_ = static_cast<Image *>(shared);
    const ImageHeader header = mapped->header;
    mapped.parties_ = IPC_TRY(check_header(header, bytes));
    return mapped;
}

MappedImage::MappedImage(MappedImage &&other) noexcept
    : begin_(std::exchange(other.begin_, nullptr)), length_(other.length_), image_(other.image_),
      parties_(other.parties_)
{
}

int MappedImage::loss(int descriptor) const
{
    struct stat status;
    if (::fstat(descriptor, &status) != 0)
        return 0; // nothing is known of it
    if (static_cast<std::uint64_t>(status.st_size) < image_bytes(parties_))
        return EFAULT;
    return status.st_nlink ? 0 : EIDRM;
}

MappedImage::~MappedImage()
{
    if (begin_)
        ::munmap(begin_, length_);
}
