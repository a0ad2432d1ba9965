// SPDX-License-Identifier: MIT
// boost-shm: a new managed segment, made by Boost itself.
#include "boost_shm.hpp"
#include "structure.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>

#include <sys/mman.h>

#include <atomic>
#include <cinttypes>

namespace boost_shm {
namespace {

namespace interprocess = boost::interprocess;
using Manager = interprocess::managed_shared_memory::segment_manager;
using Algorithm = interprocess::managed_shared_memory::memory_algorithm;
using Layout =
    interprocess::ipcdetail::shmem_open_or_create<char, Algorithm, interprocess::iset_index>::type; // behind the word

// structure.hpp is written down from these.
static_assert(manager_offset == Layout::ManagedOpenOrCreateUserOffset);
static_assert(sizeof(Header) == manager_offset + sizeof(Manager));
static_assert(offsetof(Header, lock) == manager_offset + sizeof(Algorithm));
static_assert(sizeof(Index) == sizeof(Manager::named_index_t) && sizeof(Index) == sizeof(Manager::unique_index_t));
static_assert(sizeof(Lock) == sizeof(interprocess::interprocess_recursive_mutex));
static_assert(sizeof(Hook) == sizeof(Manager::named_index_t::value_type));
static_assert(unit == Algorithm::Alignment);

class Mapping {
public:
    Mapping(int descriptor, std::uint64_t bytes)
        : bytes_(bytes), address_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0))
    {
    }
    Mapping(const Mapping &) = delete;
    Mapping &operator=(const Mapping &) = delete;
    ~Mapping()
    {
        if (*this)
            ::munmap(address_, bytes_);
    }
    explicit operator bool() const { return address_ != MAP_FAILED; }
    char *at(std::size_t offset) const { return static_cast<char *>(address_) + offset; }

private:
    std::uint64_t bytes_;
    void *address_;
};

} // namespace

ipc::Result<void> build(int descriptor, std::uint64_t bytes)
{
    std::uint64_t least = manager_offset + Manager::get_min_size();
    if (bytes < least)
        return ipc::Error::of(EINVAL, "%" PRIu64 " bytes are too few for a managed segment (%" PRIu64 " are the least)",
                              bytes, least);
    Mapping memory(descriptor, bytes);
    if (!memory)
        return ipc::Error::of(errno, "its %" PRIu64 " bytes cannot be mapped: %s", bytes, std::strerror(errno));
    try {
        ::new (memory.at(manager_offset)) Manager(bytes - manager_offset);
    } catch (const std::exception &exception) {
        return ipc::Error::of(EIO, "Boost cannot make a managed segment of it: %s", exception.what());
    }
    std::atomic_ref(*reinterpret_cast<std::uint32_t *>(memory.at(0))).store(initialized, std::memory_order_release);
    return {};
}

} // namespace boost_shm
