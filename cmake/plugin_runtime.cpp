// SPDX-License-Identifier: MIT
// Part of every plugin in C++ that carries its own runtime: std::terminate() ends the process without a word. The
// library's own handler prints the exception's type, for which it brings a demangler: a third of a small plugin, and
// relocations at every start. No exception leaves a plugin (ipc/plugin.hpp), so nobody would ever read it.
#include <cstdlib>
#include <exception>

namespace __cxxabiv1 {
[[gnu::visibility("hidden")]] std::terminate_handler __terminate_handler = std::abort; // instead of libsupc++'s
}
