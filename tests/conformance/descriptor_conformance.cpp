// SPDX-License-Identifier: MIT
#include "catch.hpp"
#include "subject.hpp"

#include <string_view>

using namespace conformance;

TEST_CASE("the descriptor says who the plugin is")
{
    const ipc_plugin &descriptor = subject().descriptor();
    CHECK(descriptor.abi == IPC_ABI);
    CHECK(std::string_view(descriptor.id) == subject().mechanism());
    CHECK(is_sentence(descriptor.summary));
    CHECK(is_sentence(descriptor.version));
    CHECK((subject().segment() || subject().queue() || subject().inspect()));
}

TEST_CASE("each parameter has a key and a phrase of help")
{
    const ipc_plugin &descriptor = subject().descriptor();
    for (std::uint32_t i = 0; i < descriptor.parameter_count; i++) {
        CHECK(is_sentence(descriptor.parameters[i].key));
        CHECK(is_sentence(descriptor.parameters[i].help));
    }
}

TEST_CASE("a capability that nobody has heard of is absent")
{
    CHECK(subject().descriptor().capability("ipc.nonesuch/1") == nullptr);
    CHECK(subject().descriptor().capability("ipc.segment/99") == nullptr);
    CHECK(subject().descriptor().capability("") == nullptr);
}

TEST_CASE("an empty name is malformed, and the text says so")
{
    const ipc::Result<void> checked = subject().check({std::string(subject().mechanism()), "", {}});
    REQUIRE_FALSE(checked.ok());
    CHECK(is_sentence(checked.error().text()));
}

TEST_CASE("a parameter that the mechanism does not take is refused")
{
    FreshAddress address;
    ipc::Address with_parameter = *address;
    with_parameter.parameters.push_back({"nonesuch", "1"});
    CHECK_FALSE(subject().check(with_parameter).ok());
}

TEST_CASE("a very long name is refused or kept whole, and harms nothing")
{
    for (const std::size_t length : {255u, 256u, 4095u, 4096u, 70000u}) {
        for (const char *start : {"/", "", "0x"}) {
            const ipc::Address address{std::string(subject().mechanism()), start + std::string(length, 'a'), {}};
            const ipc::Result<void> checked = subject().check(address);
            if (!checked) {
                CHECK(is_sentence(checked.error().text()));
                continue;
            }
            ipc::CrossingAddress crossing(address);
            if (subject().inspect())
                CHECK_FALSE(ipc::call(
                                subject().inspect()->look, crossing.get(),
                                +[](void *, const ipc_object *) { return 0; }, static_cast<void *>(nullptr))
                                .ok());
        }
    }
}
