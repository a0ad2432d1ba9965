// SPDX-License-Identifier: MIT
// Words that other processes change while they are looked at: each is loaded exactly once where it says so.
#pragma once

#include <atomic>

namespace boost_mq {

template <typename T> std::atomic_ref<T> shared(const T &word) { return std::atomic_ref<T>(const_cast<T &>(word)); }

template <typename T> T load(const T &word) { return shared(word).load(std::memory_order_relaxed); }

template <typename T> void store(T &word, T value) { shared(word).store(value, std::memory_order_relaxed); }

} // namespace boost_mq
