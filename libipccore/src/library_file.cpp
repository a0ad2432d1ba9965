// SPDX-License-Identifier: MIT
#include "library_file.hpp"

#include "error.hpp"

#include <ipc/fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <link.h>

namespace ipc {

Result<void> check_library_file(const std::string &path)
{
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)); // or a FIFO would be waited for
    struct stat status = {};
    if (!file || fstat(file.get(), &status) < 0)
        return failure(errno, "{}", std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        return failure(ENOEXEC, "it is not a regular file");
    struct {
        ElfW(Ehdr) header;
        ElfW(Phdr) segments[32];
    } start = {};
    const ssize_t length = pread(file.get(), &start, sizeof start, 0);
    if (length < static_cast<ssize_t>(sizeof start.header) || std::memcmp(start.header.e_ident, ELFMAG, SELFMAG) != 0 ||
        start.header.e_phoff != sizeof start.header)
        return {};
    const auto has = static_cast<std::uint64_t>(status.st_size);
    for (std::size_t i = 0; i < std::min<std::size_t>(start.header.e_phnum, std::size(start.segments)); i++)
        if (const auto &segment = start.segments[i];
            segment.p_type == PT_LOAD && (segment.p_filesz > has || segment.p_offset > has - segment.p_filesz))
            return failure(ENOEXEC, "the file was cut off: it has {} bytes and needs {} (install it again)", has,
                           segment.p_offset + segment.p_filesz);
    return {};
}

} // namespace ipc
