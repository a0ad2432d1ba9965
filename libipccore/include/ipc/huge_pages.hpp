// SPDX-License-Identifier: MIT
// ipc/huge_pages.hpp - memory of huge pages: the parameter ?huge=SIZE, and what to say when there are too few.
#pragma once

#include <ipc/plugin.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

namespace ipc {

/// "2M", "1GiB", "65536": a power of two from a page on, or 0.
inline std::uint64_t huge_page_size(const char *text)
{
    if (*text < '0' || *text > '9')
        return 0;
    char *end = nullptr;
    const unsigned long long number = std::strtoull(text, &end, 10);
    const std::string_view unit = end;
    int shift = 0;
    if (unit == "K" || unit == "KiB")
        shift = 10;
    else if (unit == "M" || unit == "MiB")
        shift = 20;
    else if (unit == "G" || unit == "GiB")
        shift = 30;
    else if (!unit.empty())
        return 0;
    constexpr std::uint64_t largest = std::uint64_t{1} << 46;
    if (!std::has_single_bit(number) || number > largest >> shift ||
        number << shift < static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)))
        return 0;
    return number << shift;
}

/// The page size that ?huge asks for; 0 for ordinary pages.
inline std::uint64_t wanted_huge_page_size(const ipc_address &address)
{
    const char *huge = parameter(address, "huge");
    return huge ? huge_page_size(huge) : 0;
}

/// For check().
inline Result<void> check_huge_page_size(const ipc_address &address)
{
    if (parameter(address, "huge") && wanted_huge_page_size(address) == 0)
        return Error::of(EINVAL, "the size of huge pages is a power of two (write ?huge=2M)");
    return {};
}

/// A page size as shmget(2), memfd_create(2) and mmap(2) want it among their flags.
inline unsigned huge_page_flag(std::uint64_t page)
{
    return static_cast<unsigned>(std::countr_zero(page)) << MAP_HUGE_SHIFT;
}

/// A figure of the pool of huge pages of one size; 0 if there is no such pool.
inline unsigned long long huge_page_figure(std::uint64_t page, const char *file)
{
    char text[96];
    std::snprintf(text, sizeof text, "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
                  static_cast<unsigned long long>(page / 1024), file);
    const int descriptor = ::open(text, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return 0;
    const ssize_t length = ::read(descriptor, text, sizeof text - 1);
    ::close(descriptor);
    text[std::max<ssize_t>(length, 0)] = '\0';
    return std::strtoull(text, nullptr, 10);
}

/// There was no memory of huge pages for `bytes`.
inline Error too_few_huge_pages(std::uint64_t bytes, std::uint64_t page)
{
    const unsigned long long kibibytes = page / 1024, needed = bytes / page + (bytes % page != 0);
    const unsigned long long all = huge_page_figure(page, "nr_hugepages"),
                             free = huge_page_figure(page, "free_hugepages"),
                             unreserved = free - std::min(free, huge_page_figure(page, "resv_hugepages"));
    return Error::of(ENOMEM,
                     "huge pages of %llu KiB are too few: %llu are needed, %llu of %llu are free (raise "
                     "/sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages, which is vm.nr_hugepages for the default "
                     "size, by %llu)",
                     kibibytes, needed, unreserved, all, kibibytes, needed - std::min(needed, unreserved));
}

inline Error no_such_huge_pages(std::uint64_t page)
{
    return Error::of(EINVAL, "this machine has no huge pages of %llu KiB (/sys/kernel/mm/hugepages shows its sizes)",
                     static_cast<unsigned long long>(page / 1024));
}

} // namespace ipc
