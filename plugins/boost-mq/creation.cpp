// SPDX-License-Identifier: MIT
// boost-mq: a new queue, made by Boost itself.
#include "boost_mq.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <sys/mman.h>

#include <atomic>
#include <cinttypes>

namespace boost_mq {
namespace {

namespace interprocess = boost::interprocess;
using Pointer = interprocess::offset_ptr<void>;
using BoostHeader = interprocess::ipcdetail::mq_hdr_t<Pointer>;
using BoostBlock = interprocess::ipcdetail::msg_hdr_t<Pointer>;
using Creation =
    interprocess::ipcdetail::managed_open_or_create_impl<interprocess::shared_memory_object, 0, true, false>;

constexpr std::size_t header_offset = Creation::ManagedOpenOrCreateUserOffset; // behind the word

// layout.hpp is written down from these.
static_assert(header_offset == offsetof(Header, index));
static_assert(sizeof(Header) == header_offset + sizeof(BoostHeader));
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
static_assert(offsetof(Header, index) == header_offset + offsetof(BoostHeader, mp_index));
static_assert(offsetof(Header, max_messages) == header_offset + offsetof(BoostHeader, m_max_num_msg));
static_assert(offsetof(Header, max_message_size) == header_offset + offsetof(BoostHeader, m_max_msg_size));
static_assert(offsetof(Header, count) == header_offset + offsetof(BoostHeader, m_cur_num_msg));
static_assert(offsetof(Header, mutex) == header_offset + offsetof(BoostHeader, m_mutex));
static_assert(offsetof(Header, not_empty) == header_offset + offsetof(BoostHeader, m_cond_recv));
static_assert(offsetof(Header, not_full) == header_offset + offsetof(BoostHeader, m_cond_send));
static_assert(offsetof(Header, first) == header_offset + offsetof(BoostHeader, m_cur_first_msg));
static_assert(offsetof(Header, blocked_senders) == header_offset + offsetof(BoostHeader, m_blocked_senders));
static_assert(offsetof(Header, blocked_receivers) == header_offset + offsetof(BoostHeader, m_blocked_receivers));
static_assert(sizeof(ipc::SharedMutex) == sizeof(interprocess::interprocess_mutex));
static_assert(sizeof(Block) == sizeof(BoostBlock) && offsetof(Block, priority) == offsetof(BoostBlock, priority));

} // namespace

ipc::Result<void> build(int descriptor, const Layout &layout)
{
    if (layout.bytes != BoostHeader::get_mem_size(layout.max_message_size, layout.max_messages))
        return ipc::Error::of(EINVAL, "a queue of these sizes is laid out otherwise by this Boost");
    void *memory = ::mmap(nullptr, layout.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED)
        return ipc::Error::of(errno, "its %" PRIu64 " bytes cannot be mapped: %s", layout.bytes, std::strerror(errno));
    ipc::Result<void> built;
    try {
        ::new (static_cast<char *>(memory) + header_offset) BoostHeader(layout.max_messages, layout.max_message_size);
        std::atomic_ref(static_cast<Header *>(memory)->state).store(initialized, std::memory_order_release);
    } catch (const std::exception &exception) {
        built = ipc::Error::of(EIO, "Boost cannot make a queue of it: %s", exception.what());
    }
    ::munmap(memory, layout.bytes);
    return built;
}

} // namespace boost_mq
