// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "process_look.hpp"

TEST_CASE("a newline in a mapping's name is unescaped")
{
    CHECK(ipc::unescaped_mapping_name("/a\\012b\\012") == "/a\nb\n");
    CHECK(ipc::unescaped_mapping_name("/a\\01") == "/a\\01");
    CHECK(ipc::unescaped_mapping_name("").empty());
}
