// SPDX-License-Identifier: MIT
// ipc.segment/1, as ipc/plugin.h promises it.
#include "catch.hpp"
#include "segment.hpp"
#include "subject.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

using namespace conformance;
using ipc::Access;
using ipc::Segment;

namespace {

/// Does this mechanism have segments at all?
bool applies()
{
    if (subject().segment())
        return true;
    SUCCEED("no segments");
    return false;
}

std::string content(Segment &segment, std::size_t length)
{
    std::string bytes(length, '?');
    auto read = segment.read(0, std::as_writable_bytes(std::span(bytes)));
    REQUIRE(read.ok());
    bytes.resize(*read);
    return bytes;
}

/// Is it what a new one should be: zero, or with a structure in which nothing lies yet?
void check_new(Segment &segment, std::size_t length)
{
    auto parts = segment.parts();
    REQUIRE(parts.ok());
    if (!*parts) {
        CHECK(content(segment, length) == std::string(length, '\0'));
        return;
    }
    CHECK(content(segment, length).size() == length);
    for (const Segment::Part &part : **parts) {
        CHECK(part.is_free);
        CHECK(part.bytes < length);
    }
}

} // namespace

TEST_CASE("a new segment has its size and nothing in it")
{
    if (!applies())
        return;
    FreshAddress address;
    auto segment = Segment::create(*address, 10000, {});
    REQUIRE(segment.ok());
    auto status = segment->status();
    REQUIRE(status.ok());
    CHECK(status->bytes == 10000);
    CHECK(status->page_size >= 4096);
    check_new(*segment, 10000);
}

TEST_CASE("what one opener writes another one reads")
{
    if (!applies())
        return;
    FreshAddress address;
    auto made = Segment::create(*address, 4096, {});
    REQUIRE(made.ok());
    std::optional<Segment> creator(std::move(made).value());
    const ipc::Address reaching = creator->address();
    auto mapping = creator->map();
    REQUIRE(mapping.ok());
    REQUIRE(mapping->size() == 4096);
    std::memcpy(mapping->data(), "forty-two", 9);
    std::memcpy(mapping->data() + 4090, "the end", 6);
    if (!creator->transient()) // then closing is not removing
        creator.reset();
    auto segment = Segment::open(reaching, Access::read);
    REQUIRE(segment.ok());
    const std::string bytes = content(*segment, 4096);
    CHECK(bytes.starts_with("forty-two"));
    CHECK(bytes.ends_with("the en"));
}

TEST_CASE("a second call of map gives the first mapping")
{
    if (!applies())
        return;
    FreshAddress address;
    auto segment = Segment::create(*address, 4096, {});
    REQUIRE(segment.ok());
    auto first = segment->map(), second = segment->map();
    REQUIRE(first.ok());
    REQUIRE(second.ok());
    CHECK(first->data() == second->data());
}

TEST_CASE("a segment's creation is exclusive and leaves the old one as it was")
{
    if (!applies())
        return;
    FreshAddress address;
    auto first = Segment::create(*address, 4096, {});
    REQUIRE(first.ok());
    std::memcpy(first->map()->data(), "mine", 4);
    auto second = Segment::create(*address, 100, {});
    if (first->transient()) { // names mean nothing, and another segment is what one gets
        REQUIRE(second.ok());
        CHECK(second->status()->identity.number != first->status()->identity.number);
        CHECK(second->address().name != first->address().name);
    } else {
        REQUIRE(code_of(second) == EEXIST);
        CHECK(is_sentence(second.error().text()));
    }
    CHECK(first->status()->bytes == 4096);
    CHECK(content(*first, 4) == "mine");
}

TEST_CASE("a segment made without a name is found when it is committed, and not before")
{
    if (!applies() || !subject().segment()->create_unnamed)
        return;
    FreshAddress address;
    auto made = Segment::create_unnamed(*address, 4096, {});
    REQUIRE(made.ok());
    std::memcpy(made->map()->data(), "mine", 4);
    CHECK(code_of(Segment::open(*address, Access::read)) == ENOENT);
    const int descriptor = made->status()->descriptor;
    REQUIRE(made->commit().ok());
    CHECK(made->status()->descriptor == descriptor);
    CHECK(content(*made, 4) == "mine");
    auto found = Segment::open(*address, Access::read);
    REQUIRE(found.ok());
    CHECK(found->status()->identity.number == made->status()->identity.number);
    CHECK(code_of(Segment::create_unnamed(*address, 4096, {})) == EEXIST);
}

TEST_CASE("a segment made without a name leaves a name alone that was taken meanwhile")
{
    if (!applies() || !subject().segment()->create_unnamed)
        return;
    FreshAddress address;
    auto late = Segment::create_unnamed(*address, 4096, {});
    REQUIRE(late.ok());
    auto first = Segment::create(*address, 100, {});
    REQUIRE(first.ok());
    CHECK(code_of(late->commit()) == EEXIST);
    CHECK(late->remove().ok());
    auto found = Segment::open(*address, Access::read);
    REQUIRE(found.ok());
    CHECK(found->status()->bytes == 100);
}

TEST_CASE("a segment that is not there is ENOENT and is not created by opening")
{
    if (!applies())
        return;
    FreshAddress address;
    for (int i = 0; i < 2; i++) {
        auto segment = Segment::open(*address, Access::both);
        CHECK(code_of(segment) == ENOENT);
        CHECK(is_sentence(segment.error().text()));
    }
}

TEST_CASE("a segment of zero bytes is refused")
{
    if (!applies())
        return;
    FreshAddress address;
    CHECK(code_of(Segment::create(*address, 0, {})) == EINVAL);
    CHECK(code_of(Segment::open(*address, Access::read)) == ENOENT);
}

TEST_CASE("a segment larger than any memory is an error and leaves nothing behind")
{
    if (!applies())
        return;
    for (const std::uint64_t bytes : {std::uint64_t(1) << 50, std::uint64_t(1) << 62, ~std::uint64_t(0)}) {
        FreshAddress address;
        auto segment = Segment::create(*address, bytes, {});
        REQUIRE_FALSE(segment.ok());
        CHECK(is_sentence(segment.error().text()));
        CHECK(code_of(Segment::open(*address, Access::read)) == ENOENT);
    }
}

TEST_CASE("the mode of a segment is exactly what was asked for, whatever the umask")
{
    if (!applies() || !subject().inspect())
        return;
    for (const std::uint32_t mode : {0600u, 0666u, 0640u}) {
        FreshAddress address;
        const mode_t before = ::umask(077);
        auto segment = Segment::create(*address, 4096, {.mode = mode});
        ::umask(before);
        REQUIRE(segment.ok());
        std::uint64_t seen = 0;
        ipc::CrossingAddress crossing(segment->address());
        auto look = ipc::call(
            subject().inspect()->look, crossing.get(),
            +[](void *context, const ipc_object *object) {
                *static_cast<std::uint64_t *>(context) = object->mode;
                return 0;
            },
            static_cast<void *>(&seen));
        REQUIRE(look.ok());
        CHECK(seen == mode);
    }
}

TEST_CASE("a segment can be resized, or says by absence that it cannot")
{
    if (!applies())
        return;
    FreshAddress address;
    auto segment = Segment::create(*address, 4096, {});
    REQUIRE(segment.ok());
    std::memcpy(segment->map()->data(), "kept", 4);
    if (!segment->resizable()) {
        CHECK_FALSE(segment->resize(8192).ok());
        CHECK(segment->status()->bytes == 4096);
        return;
    }
    REQUIRE(segment->resize(9000).ok());
    CHECK(segment->status()->bytes == 9000);
    auto mapping = segment->map();
    REQUIRE(mapping.ok());
    CHECK(mapping->size() == 9000);
    CHECK(content(*segment, 9000) == "kept" + std::string(8996, '\0'));
    REQUIRE(segment->resize(2).ok());
    CHECK(content(*segment, 100) == "ke");
    CHECK_FALSE(segment->resize(std::uint64_t(1) << 60).ok());
    CHECK(segment->status()->bytes == 2);
}

TEST_CASE("an opener for reading gets no way to write")
{
    if (!applies())
        return;
    FreshAddress address;
    auto segment = Segment::create(*address, 4096, {});
    REQUIRE(segment.ok());
    auto reader = Segment::open(segment->address(), Access::read);
    REQUIRE(reader.ok());
    auto status = reader->status();
    REQUIRE(status.ok());
    if (status->descriptor >= 0)
        CHECK(::pwrite(status->descriptor, "x", 1, 0) == -1);
    // A page that is mapped for reading refuses the kernel's store as it would ours, without a signal.
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::write(ends[1], "x", 1) == 1);
    CHECK(::read(ends[0], reader->map()->data(), 1) == -1);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("openers of one segment see one identity, those of its successor another")
{
    if (!applies() || !subject().descriptor().remove)
        return;
    FreshAddress address;
    auto first = Segment::create(*address, 4096, {});
    REQUIRE(first.ok());
    const ipc_identity identity = first->status()->identity;
    CHECK(Segment::open(*address, Access::read)->status()->identity.number == identity.number);
    REQUIRE(conformance::remove(*address, &identity).ok());
    CHECK(code_of(Segment::open(*address, Access::read)) == ENOENT);

    auto second = Segment::create(*address, 4096, {});
    REQUIRE(second.ok());
    auto stale = conformance::remove(*address, &identity);
    CHECK(code_of(stale) == ESTALE);
    CHECK(is_sentence(stale.error().text()));
    CHECK(Segment::open(*address, Access::read).ok());
}

TEST_CASE("a transient segment has one identity for all, and is gone when its last holder lets go")
{
    if (!applies() || !(subject().segment()->features & IPC_SEGMENT_TRANSIENT))
        return;
    FreshAddress address;
    auto made = Segment::create(*address, 4096, {});
    REQUIRE(made.ok());
    std::optional<Segment> creator(std::move(made).value());
    const ipc::Address reaching = creator->address();
    const ipc_identity identity = creator->status()->identity;
    CHECK(Segment::open(reaching, Access::both)->status()->identity.number == identity.number);
    creator.reset();
    auto gone = Segment::open(reaching, Access::read);
    REQUIRE_FALSE(gone.ok());
    CHECK(is_sentence(gone.error().text()));
}

TEST_CASE("what was filled can be committed, and is there for others afterwards")
{
    if (!applies())
        return;
    FreshAddress address;
    auto segment = Segment::create(*address, 4096, {});
    REQUIRE(segment.ok());
    std::memcpy(segment->map()->data(), "filled", 6);
    REQUIRE(segment->commit().ok());
    auto reader = Segment::open(segment->address(), Access::read);
    REQUIRE(reader.ok());
    CHECK(content(*reader, 6) == "filled");
}

TEST_CASE("a removed segment lives on for those who hold it")
{
    if (!applies() || !subject().descriptor().remove)
        return;
    FreshAddress address;
    auto segment = Segment::create(*address, 4096, {});
    REQUIRE(segment.ok());
    std::memcpy(segment->map()->data(), "alive", 5);
    REQUIRE(conformance::remove(*address).ok());
    CHECK(content(*segment, 5) == "alive");
    CHECK(code_of(conformance::remove(*address)) == ENOENT);
}
