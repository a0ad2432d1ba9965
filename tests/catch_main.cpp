// SPDX-License-Identifier: MIT
// main() of the test programs. An object of its own, since the core has a main() for commands in its archive.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>

int main(int count, char **words) { return Catch::Session().run(count, words); }
#else
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
#endif
