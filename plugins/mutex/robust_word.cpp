// SPDX-License-Identifier: MIT
#include "robust_word.hpp"

#include <ipc/futex.hpp>

#include <atomic>
#include <utility>

using ipc::Deadline;

namespace {

/// This thread's list, in place of the C library's while there is any word.
struct List {
    robust_list_head head = {};
    robust_list_head *before = nullptr;
    std::size_t before_length = 0;
    int words = 0;
    std::uint32_t thread = 0; ///< whose list it is: a child that was forked has a copy of it, and no list
};

List &list()
{
    constinit static List ours;
    return ours;
}

void set_list(robust_list_head *head, std::size_t length) { ::syscall(SYS_set_robust_list, head, length); }

void add_word(std::uint32_t thread)
{
    List &ours = list();
    if (ours.thread != thread)
        ours = {};
    if (ours.words++)
        return;
    ours.thread = thread;
    ours.head.list.next = &ours.head.list;
    ours.head.futex_offset = static_cast<long>(robust_distance());
    ::syscall(SYS_get_robust_list, 0, &ours.before, &ours.before_length);
    set_list(&ours.head, sizeof ours.head);
}

void remove_word(std::uint32_t thread)
{
    List &ours = list();
    if (ours.thread == thread && --ours.words == 0)
        set_list(ours.before, ours.before_length);
}

/// The kernel reads the list when this thread has ended, wherever it was: what stands here before a store into a word
/// stays before it.
void settle() { std::atomic_signal_fence(std::memory_order_seq_cst); }

void set_pending(robust_list *node)
{
    settle();
    list().head.list_op_pending = node;
    settle();
}

void link(robust_list *node)
{
    node->next = list().head.list.next;
    settle();
    list().head.list.next = node;
}

void unlink(robust_list *node)
{
    robust_list *at = &list().head.list;
    while (at->next != &list().head.list && at->next != node)
        at = at->next;
    if (at->next == node)
        at->next = node->next;
}

std::atomic_ref<std::uint32_t> atomic(std::uint32_t *word) { return std::atomic_ref(*word); }

} // namespace

std::size_t robust_distance()
{
    constinit static std::size_t page = 0;
    if (!page)
        page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return page;
}

RobustWord::RobustWord(std::uint32_t *word) : word_(word), thread_(static_cast<std::uint32_t>(::syscall(SYS_gettid)))
{
    add_word(thread_);
}

RobustWord::RobustWord(RobustWord &&other) noexcept : word_(std::exchange(other.word_, nullptr)), thread_(other.thread_)
{
}

RobustWord::~RobustWord()
{
    if (word_)
        remove_word(thread_);
}

robust_list *RobustWord::node() const
{
    return reinterpret_cast<robust_list *>(reinterpret_cast<char *>(word_) - robust_distance());
}

std::uint32_t RobustWord::owner() const { return atomic(word_).load() & FUTEX_TID_MASK; }

int RobustWord::lock(const Deadline &deadline, const std::function<int()> &loss)
{
    set_pending(node()); // from here on the kernel looks at the word too, should this thread end
    const int code = acquire(deadline, loss);
    if (code == 0 || code == EOWNERDEAD)
        link(node());
    set_pending(nullptr);
    return code;
}

int RobustWord::acquire(const Deadline &deadline, const std::function<int()> &loss)
{
    constexpr std::int64_t second = 1'000'000'000; // nobody wakes who waits for memory that is gone
    const std::atomic_ref<std::uint32_t> word = atomic(word_);
    std::uint32_t others = 0; // having waited, one does not know whether more do
    for (;;) {
        std::uint32_t seen = word.load();
        if ((seen & FUTEX_TID_MASK) == 0) {
            if (word.compare_exchange_strong(seen, thread_ | others | (seen & FUTEX_WAITERS)))
                return seen & FUTEX_OWNER_DIED ? EOWNERDEAD : 0;
        } else if (!deadline.at_once() &&
                   (seen & FUTEX_WAITERS || word.compare_exchange_strong(seen, seen | FUTEX_WAITERS))) {
            const int code = ipc::futex_sleep(word_, seen | FUTEX_WAITERS, deadline.left_within(second));
            if (code && code != ETIMEDOUT)
                return code;
            others = FUTEX_WAITERS;
            if (const int lost = code == ETIMEDOUT ? loss() : 0)
                return lost;
        }
        if (deadline.over())
            return deadline.code();
    }
}

bool RobustWord::unlock()
{
    const std::atomic_ref<std::uint32_t> word = atomic(word_);
    set_pending(node());
    unlink(node());
    std::uint32_t seen = word.load();
    bool is_ours;
    do
        is_ours = (seen & FUTEX_TID_MASK) == thread_;
    while (is_ours && !word.compare_exchange_weak(seen, 0));
    if (is_ours && seen & FUTEX_WAITERS)
        ipc::futex_wake(word_, 1);
    set_pending(nullptr);
    return is_ours;
}
