// SPDX-License-Identifier: MIT
// main() of the second generation of Catch2; the third has a library for it.
#define CATCH_CONFIG_MAIN
#include "catch.hpp"
