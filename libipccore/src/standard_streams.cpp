// SPDX-License-Identifier: MIT
// Program_options includes <iostream>, and so every command would construct the eight standard streams, narrow and
// wide, before main: a twentieth of all instructions of a start, and seven page faults. Nobody here uses them. The
// linker (--wrap, in tools/CMakeLists.txt) lets the constructor and destructor behind <iostream> be these, which stand
// among what else runs before main. String streams, which Program_options does use, need neither.

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): std::ios_base::Init::Init() and ~Init()
[[gnu::section(".text.startup")]] void __wrap__ZNSt8ios_base4InitC1Ev(void *) {}
[[gnu::section(".text.startup")]] void __wrap__ZNSt8ios_base4InitD1Ev(void *) {}
// NOLINTEND(bugprone-reserved-identifier)
}
