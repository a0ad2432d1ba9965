// SPDX-License-Identifier: MIT
// boost-shm beside Boost itself: each must find what the other made, where the other says it is.
#include "boost_shm.hpp"
#include "catch.hpp"

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/interprocess/containers/vector.hpp>

#include <cstring>

using namespace boost_shm_test;
using ipc::Access;
using ipc::Segment;
using Memory = interprocess::managed_shared_memory;

namespace {

struct Record {
    double values[3];
    char tag;
};

using Allocator = interprocess::allocator<int, Memory::segment_manager>;
using Vector = interprocess::vector<int, Allocator>;

const std::string long_name(3000, 'n');
const std::string odd_name = "a/b?c=1#d e\n\x1b[2J\xff";

/// Compare one part with what Boost says of the object.
template <typename T> void compare(Memory &memory, const std::vector<Part> &parts, const std::string &name)
{
    INFO(name.substr(0, 40));
    auto [address, count] = memory.find<T>(name.c_str());
    REQUIRE(address);
    const auto part = find(parts, name, "named");
    REQUIRE(part);
    CHECK(part->offset == static_cast<std::uint64_t>(memory.get_handle_from_address(address)));
    CHECK(part->bytes == count * sizeof(T));
}

template <typename T> void compare_unique(Memory &memory, const std::vector<Part> &parts)
{
    auto [address, count] = memory.find<T>(interprocess::unique_instance);
    REQUIRE(address);
    const auto part = find(parts, typeid(T).name(), "unique");
    REQUIRE(part);
    CHECK(part->offset == static_cast<std::uint64_t>(memory.get_handle_from_address(address)));
    CHECK(part->bytes == count * sizeof(T));
}

void construct_all(Memory &memory)
{
    memory.construct<int>("answer")(42);
    memory.construct<double>("samples")[5](1.5);
    memory.construct<char>("letter")('x');
    memory.construct<Record>("record")();
    auto *vector = memory.construct<Vector>("vector")(memory.get_segment_manager());
    for (int i = 0; i < 500; i++)
        vector->push_back(i);
    memory.construct<int>(long_name.c_str())(1);
    memory.construct<int>(odd_name.c_str())(2);
    memory.construct<int>("")(3);
    memory.construct<int>(interprocess::unique_instance)(4);
    memory.construct<Record>(interprocess::unique_instance)[3]();
    memory.construct<int>(interprocess::anonymous_instance)(5);
}

std::string content(Segment &segment)
{
    std::string bytes(segment.status()->bytes, '?');
    auto count = segment.read(0, std::as_writable_bytes(std::span(bytes)));
    REQUIRE(count.ok());
    REQUIRE(*count == bytes.size());
    return bytes;
}

} // namespace

TEST_CASE("what Boost constructs is listed where Boost says it is, and what is free as it says")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 65536);
    construct_all(memory);
    auto parts = parts_of(name);
    REQUIRE(parts.ok());
    CHECK(parts->size() == memory.get_num_named_objects() + memory.get_num_unique_objects() + 1);
    compare<int>(memory, *parts, "answer");
    compare<double>(memory, *parts, "samples");
    compare<char>(memory, *parts, "letter");
    compare<Record>(memory, *parts, "record");
    compare<Vector>(memory, *parts, "vector");
    compare<int>(memory, *parts, long_name);
    compare<int>(memory, *parts, odd_name);
    compare<int>(memory, *parts, "");
    compare_unique<int>(memory, *parts);
    compare_unique<Record>(memory, *parts);
    REQUIRE(free_part(*parts));
    CHECK(free_part(*parts)->bytes == memory.get_free_memory());
    CHECK(free_part(*parts)->offset == IPC_UNKNOWN);
}

TEST_CASE("a thousand objects of which half are destroyed again are listed by name")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 1 << 20);
    const auto text = [](int i) { return "object-" + std::to_string(i * 7919 % 1000); };
    for (int i = 0; i < 1000; i++)
        memory.construct<int>(text(i).c_str())[1 + i % 9](i);
    for (int i = 0; i < 1000; i += 2)
        memory.destroy<int>(text(i).c_str());
    auto parts = parts_of(name);
    REQUIRE(parts.ok());
    REQUIRE(parts->size() == 501);
    for (int i = 1; i < 1000; i += 2)
        compare<int>(memory, *parts, text(i));
    CHECK(free_part(*parts)->bytes == memory.get_free_memory());
    CHECK(std::is_sorted(parts->begin(), parts->end() - 1,
                         [](const Part &left, const Part &right) { return left.name < right.name; }));
}

TEST_CASE("names of wide characters are listed and found in UTF-8")
{
    const FreshName name;
    interprocess::wmanaged_shared_memory memory(interprocess::create_only, name.text(), 4096);
    auto *value = memory.construct<int>(L"gr\u00f6\u00dfe \u20ac \U0001f4be")(7);
    memory.construct<short>(interprocess::unique_instance)(1);
    const std::string text = "gr\xc3\xb6\xc3\x9f"
                             "e \xe2\x82\xac \xf0\x9f\x92\xbe";
    auto parts = parts_of(name);
    REQUIRE(parts.ok());
    REQUIRE(find(*parts, text, "named"));
    CHECK(find(*parts, text, "named")->offset == static_cast<std::uint64_t>(memory.get_handle_from_address(value)));
    CHECK(find(*parts, typeid(short).name(), "unique"));
    CHECK(Segment::open(name.address(text), Access::read).ok());
}

TEST_CASE("the address of an object opens its bytes alone")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 65536);
    construct_all(memory);
    auto segment = Segment::open(name.address("samples"), Access::both);
    REQUIRE(segment.ok());
    CHECK(segment->status()->bytes == 5 * sizeof(double));
    CHECK(segment->status()->descriptor == -1);
    CHECK_FALSE(segment->resizable());
    double values[5];
    REQUIRE(content(*segment).size() == sizeof values);
    std::memcpy(values, content(*segment).data(), sizeof values);
    CHECK(values[4] == 1.5);

    values[4] = 2.5;
    REQUIRE(segment->write(4 * sizeof(double), std::as_bytes(std::span(values).subspan(4))).ok());
    CHECK(memory.find<double>("samples").first[4] == 2.5);
    CHECK(memory.find<double>("samples").first[3] == 1.5);
    auto mapping = segment->map();
    REQUIRE(mapping.ok());
    CHECK(mapping->size() == sizeof values);
    std::memcpy(values, mapping->data(), sizeof values);
    CHECK(values[4] == 2.5);

    auto parts = segment->parts();
    REQUIRE(parts.ok());
    CHECK_FALSE(parts->has_value());
    for (const std::string &object : {odd_name, long_name, std::string(), std::string(typeid(Record).name())})
        CHECK(Segment::open(name.address(object), Access::read).ok());
}

TEST_CASE("an object opened for reading gives no way to write")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 4096);
    memory.construct<int>("answer")(42);
    auto segment = Segment::open(name.address("answer"), Access::read);
    REQUIRE(segment.ok());
    const int value = 1;
    CHECK_FALSE(segment->write(0, std::as_bytes(std::span(&value, 1))).ok());
    CHECK(*memory.find<int>("answer").first == 42);
}

TEST_CASE("an object that is not there is ENOENT and says how to list what is")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 4096);
    memory.construct<int>("answer")(42);
    auto segment = Segment::open(name.address("question"), Access::read);
    REQUIRE(code_of(segment) == ENOENT);
    CHECK(std::strstr(segment.error().text(), "shmcat lists"));
    const FreshName nobody;
    CHECK(code_of(Segment::open(nobody.address("answer"), Access::read)) == ENOENT);
}

TEST_CASE("where a name is also the type of a unique object, the name is meant")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 4096);
    memory.construct<int>(interprocess::unique_instance)(1);
    memory.construct<long>(typeid(int).name())(2);
    auto segment = Segment::open(name.address(typeid(int).name()), Access::read);
    REQUIRE(segment.ok());
    CHECK(segment->status()->bytes == sizeof(long));
}

TEST_CASE("Boost opens a new segment and works in it")
{
    for (const std::uint64_t bytes : {4096, 65536, 100001}) {
        const FreshName name;
        REQUIRE(Segment::create(name.address(), bytes, {}).ok());
        Memory memory(interprocess::open_only, name.text());
        CHECK(memory.get_size() == bytes);
        CHECK(memory.check_sanity());
        CHECK(memory.all_memory_deallocated());
        const auto free = memory.get_free_memory();
        memory.construct<int>("answer")(42);
        CHECK(*memory.find<int>("answer").first == 42);
        memory.destroy<int>("answer");
        CHECK(memory.get_free_memory() == free);
        CHECK(free_part(*parts_of(name))->bytes == free);
    }
}

TEST_CASE("a new segment is byte for byte what Boost makes")
{
    const FreshName ours, theirs;
    REQUIRE(Segment::create(ours.address(), 65536, {}).ok());
    Memory memory(interprocess::create_only, theirs.text(), 65536);
    auto first = Segment::open(ours.address(), Access::read), second = Segment::open(theirs.address(), Access::read);
    REQUIRE(first.ok());
    REQUIRE(second.ok());
    CHECK(content(*first) == content(*second));
}

TEST_CASE("a size too small is refused with the least one, which Boost can open")
{
    const FreshName name;
    auto refused = Segment::create(name.address(), 100, {});
    REQUIRE(code_of(refused) == EINVAL);
    const char *said = std::strchr(refused.error().text(), '(');
    REQUIRE(said);
    const std::uint64_t least = std::strtoull(said + 1, nullptr, 10);
    CHECK(code_of(Segment::create(name.address(), least - 1, {})) == EINVAL);
    CHECK_FALSE(name.file());
    REQUIRE(Segment::create(name.address(), least, {}).ok());
    Memory memory(interprocess::open_only, name.text());
    CHECK(memory.get_num_named_objects() == 0);
    CHECK(parts_of(name).ok());
}

TEST_CASE("objects inside a segment are neither made nor removed")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 4096);
    memory.construct<int>("answer")(42);
    CHECK(code_of(Segment::create(name.address("new"), 100, {})) == EINVAL);
    CHECK(code_of(Segment::open(name.address("answer"), Access::read)->remove()) != 0);
    CHECK(*memory.find<int>("answer").first == 42);
    CHECK(name.file());
}

TEST_CASE("a copy of a segment's bytes is a segment")
{
    const FreshName name, copied;
    Memory memory(interprocess::create_only, name.text(), 65536);
    construct_all(memory);
    auto segment = Segment::open(name.address(), Access::read);
    REQUIRE(segment.ok());
    auto copy = Segment::create(copied.address(), 65536, {});
    REQUIRE(copy.ok());
    const std::string bytes = content(*segment);
    REQUIRE(copy->write(0, std::as_bytes(std::span(bytes))).ok());
    Memory second(interprocess::open_only, copied.text());
    CHECK(second.find<Vector>("vector").first->at(499) == 499);
    CHECK(parts_of(copied)->size() == parts_of(name)->size());
}

TEST_CASE("a segment that Boost has grown is read to its new end")
{
    const FreshName name;
    {
        Memory memory(interprocess::create_only, name.text(), 4096);
        memory.construct<int>("answer")(42);
    }
    REQUIRE(Memory::grow(name.text(), 65536));
    Memory memory(interprocess::open_only, name.text());
    memory.construct<char>("large")[60000]('x');
    auto parts = parts_of(name);
    REQUIRE(parts.ok());
    compare<char>(memory, *parts, "large");
    CHECK(free_part(*parts)->bytes == memory.get_free_memory());
}
