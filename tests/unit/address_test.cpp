// SPDX-License-Identifier: MIT
#include "address.hpp"
#include "catch.hpp"

using namespace ipc;

namespace {

Result<Address> segment_at(const std::string &parameters)
{
    return parse_address("posix:/x" + parameters, segment_family);
}

std::string refusal(const std::string &parameters)
{
    const Result<Address> address = segment_at(parameters);
    return address ? "" : address.error().text();
}

} // namespace

TEST_CASE("the sequence word of a segment is understood, and kept from the mechanism's parameters")
{
    Result<Address> address = segment_at("?huge=1&seq=u64@0x40&sync");
    REQUIRE(address);
    REQUIRE(address->sequence);
    CHECK(address->sequence->offset == 64);
    CHECK(address->sequence->bytes == 8);
    REQUIRE(address->parameters.size() == 2);
    CHECK(address->parameters[0].key == "huge");
    CHECK(address->parameters[1].key == "sync");
    CHECK(address->text() == "posix-shm:/x?huge=1&sync&seq=u64@64");

    address = segment_at("?seq=u32@4K");
    REQUIRE(address);
    CHECK(address->sequence->offset == 4096);
    CHECK(address->sequence->bytes == 4);
    CHECK(address->text() == "posix-shm:/x?seq=u32@4096");
}

TEST_CASE("a sequence word that makes no sense is refused with what a right one looks like")
{
    CHECK_THAT(refusal("?seq"), ContainsSubstring("u32@OFFSET"));
    CHECK_THAT(refusal("?seq=u16@0"), ContainsSubstring("u64@OFFSET"));
    CHECK_THAT(refusal("?seq=i32@0"), ContainsSubstring("i32"));
    CHECK_THAT(refusal("?seq=u32"), ContainsSubstring("u32@0"));
    CHECK_THAT(refusal("?seq=u32@"), ContainsSubstring("seq=u32@"));
    CHECK_THAT(refusal("?seq=u32@-4"), ContainsSubstring("-4"));
    CHECK_THAT(refusal("?seq=u32@2"), ContainsSubstring("multiple of 4"));
    CHECK_THAT(refusal("?seq=u64@4"), ContainsSubstring("multiple of 8"));
    CHECK_THAT(refusal("?seq=u64@16E"), ContainsSubstring("16E"));
}

TEST_CASE("queues have no sequence word: their mechanisms may have a parameter of that name")
{
    Result<Address> address = parse_address("posix:/x?seq=5", queue_family);
    REQUIRE(address);
    CHECK(!address->sequence);
    REQUIRE(address->parameters.size() == 1);
    CHECK(address->parameters[0].value == "5");
}

TEST_CASE("the frame of a stream is understood in addresses of queues, and kept from the mechanism's parameters")
{
    Result<Address> address = ipc::parse_address("unix:/x?frame=length&type=stream", ipc::queue_family);
    REQUIRE(address);
    CHECK(address->frame == ipc::StreamFrame::length);
    CHECK(address->parameters.size() == 1);
    CHECK(address->text() == "unix:/x?type=stream&frame=length");
    address = ipc::parse_address("unix:/x?frame=nul", ipc::queue_family);
    REQUIRE_FALSE(address);
    CHECK_THAT(address.error().text(), ContainsSubstring("line, null or length"));
    address = ipc::parse_address("posix-shm:/x?frame=line", ipc::segment_family);
    REQUIRE(address);
    CHECK(address->parameters.size() == 1);
}
