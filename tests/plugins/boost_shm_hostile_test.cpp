// SPDX-License-Identifier: MIT
// boost-shm and segments that lie, are damaged, locked, or change while they are read. Under the sanitizers this is
// also the proof that nothing is read or written where it may not be.
#include "boost_shm.hpp"
#include "catch.hpp"
#include "plugins.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <random>

using namespace boost_shm_test;
using ipc::Access;
using ipc::Segment;
using Memory = interprocess::managed_shared_memory;

namespace {

constexpr std::size_t size = 8192;
const std::vector<std::string> names = {"answer", "samples", "", "a name that is somewhat longer than the others", "i"};

void construct_all(Memory &memory)
{
    for (const std::string &name : names)
        memory.construct<int>(name.c_str())[3](1);
    for (int i = 0; i < 20; i++)
        memory.construct<char>(("many-" + std::to_string(i)).c_str())[1 + 5 * i]('x');
    for (int i = 0; i < 20; i += 3)
        memory.destroy<char>(("many-" + std::to_string(i)).c_str());
    memory.construct<int>(interprocess::unique_instance)(4);
    memory.construct<double>(interprocess::unique_instance)(5.0);
}

/// The bytes of a sound segment with objects.
std::string sound_image()
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), size);
    construct_all(memory);
    std::string image(size, '\0');
    REQUIRE(::pread(name.file().get(), image.data(), size, 0) == static_cast<ssize_t>(size));
    return image;
}

/// Make the file of that name hold the image and nothing else.
void store(const FreshName &name, std::string_view image)
{
    const ipc::Fd file(::shm_open(name.text(), O_CREAT | O_RDWR, 0600));
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(image.size())) == 0);
    REQUIRE(::pwrite(file.get(), image.data(), image.size(), 0) == static_cast<ssize_t>(image.size()));
}

bool is_sentence(const char *text)
{
    return *text && std::none_of(text, text + std::strlen(text),
                                 [](char letter) { return static_cast<unsigned char>(letter) < ' '; });
}

struct Shown {
    std::uint64_t capacity, used;
    std::string detail;
};

Shown shown(const ipc_object &object) { return {object.capacity, object.used, object.detail ? object.detail : ""}; }

std::optional<Shown> looked_at(const FreshName &name)
{
    const ipc_inspect_v1 *inspect = (*ipc::load_plugin("boost-shm"))->inspect();
    std::optional<Shown> found;
    const ipc::Address address = name.address();
    const ipc::CrossingAddress crossing(address);
    (void)ipc::call(
        inspect->look, crossing.get(),
        +[](void *context, const ipc_object *object) {
            *static_cast<std::optional<Shown> *>(context) = shown(*object);
            return 0;
        },
        static_cast<void *>(&found));
    return found;
}

std::optional<Shown> listed(const FreshName &name)
{
    const ipc_inspect_v1 *inspect = (*ipc::load_plugin("boost-shm"))->inspect();
    struct Search {
        const char *name;
        std::optional<Shown> found;
    } search{name.text(), {}};
    REQUIRE(ipc::call(
                inspect->list,
                +[](void *context, const ipc_object *object) {
                    auto &wanted = *static_cast<Search *>(context);
                    if (std::strcmp(object->name, wanted.name) == 0)
                        wanted.found = shown(*object);
                    return 0;
                },
                static_cast<void *>(&search))
                .ok());
    return search.found;
}

/// What the plugin tells while it lives.
class Notices {
public:
    Notices() : before_(ipc::set_notice_handler([this](std::string_view text) { text_ += text; })) {}
    ~Notices() { ipc::set_notice_handler(std::move(before_)); }
    const std::string &text() const { return text_; }

private:
    std::string text_;
    ipc::NoticeHandler before_;
};

/// A process of one's own that does `work`, ended at the latest with this object.
class Child {
public:
    explicit Child(const std::function<void()> &work) : process_(::fork())
    {
        if (process_ == 0) {
            work();
            ::_exit(0);
        }
    }
    ~Child() { end(); }
    void end()
    {
        if (process_ <= 0)
            return;
        ::kill(process_, SIGKILL);
        wait();
    }
    void wait()
    {
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
    }

private:
    pid_t process_;
};

template <typename T> void put(std::string &image, std::size_t offset, T value)
{
    std::memcpy(image.data() + offset, &value, sizeof value);
}

} // namespace

TEST_CASE("what is no managed segment, or a damaged one, is an error that names the field")
{
    struct Case {
        std::size_t offset;
        std::uint64_t value;
        const char *says;
    };
    const std::string image = sound_image();
    // Offsets as structure.hpp has them.
    for (const Case &wrong : {
             Case{0, 0, "first word is 0"},
             Case{0, 1, "first word is 1"},
             Case{0, 3, "first word is 3"},
             Case{0, 0x1234, "first word is 0x1234"},
             Case{88, 200, "200 bytes of header"},
             Case{96, size, "allocated"},
             Case{104, size, "the file has"},
             Case{104, 100, "100 bytes"},
             Case{152, std::uint64_t(1) << 60, "named objects"},
             Case{152, 3, "3 named objects"},
             Case{152, 100, "100 named objects"},
             Case{160, 0x1000000, "a node of its index"},
             Case{160, ~std::uint64_t(0), "a node of its index"},
             Case{160, 1, "named objects and has 0"},
             Case{184, 1, "1 unique objects"},
             Case{192, 60, "a node of its index"},
         }) {
        const FreshName name;
        std::string changed = image;
        put(changed, wrong.offset, wrong.value);
        store(name, changed);
        auto parts = parts_of(name);
        REQUIRE_FALSE(parts.ok());
        CHECK_THAT(parts.error().text(), ContainsSubstring(wrong.says));
        CHECK(is_sentence(parts.error().text()));
        CHECK(code_of(Segment::open(name.address("answer"), Access::read)) == parts.error().code());
        // Its bytes can be rescued all the same.
        CHECK(Segment::open(name.address(), Access::read)->status()->bytes == size);
    }
}

TEST_CASE("a file too short for a segment says so")
{
    for (const std::size_t length : {0, 1, 16, 287}) {
        const FreshName name;
        store(name, sound_image().substr(0, length));
        auto parts = parts_of(name);
        REQUIRE(code_of(parts) == EINVAL);
        CHECK_THAT(parts.error().text(), ContainsSubstring("it has " + std::to_string(length) + " bytes"));
        CHECK_FALSE(listed(name));
        CHECK(looked_at(name));
    }
}

TEST_CASE("only what looks like a managed segment is listed, damaged ones with what is wrong")
{
    const FreshName sound, plain, damaged;
    Memory memory(interprocess::create_only, sound.text(), size);
    construct_all(memory);
    store(plain, std::string(size, '\2'));
    std::string image = sound_image();
    put(image, 96, ~std::uint64_t(0));
    store(damaged, image);

    REQUIRE(listed(sound));
    CHECK(listed(sound)->capacity == size);
    CHECK(listed(sound)->used == size - memory.get_free_memory());
    CHECK(listed(sound)->detail == std::to_string(memory.get_num_named_objects() + 2) + " objects");
    CHECK_FALSE(listed(plain));
    REQUIRE(listed(damaged));
    CHECK(listed(damaged)->used == IPC_UNKNOWN);
    CHECK_THAT(listed(damaged)->detail, ContainsSubstring("allocated"));
    CHECK_THAT(looked_at(plain)->detail, ContainsSubstring("no managed segment"));
}

TEST_CASE("nodes that lead in a circle end the walk")
{
    std::string image = sound_image();
    std::uint64_t distance = 0;
    std::memcpy(&distance, image.data() + 160, sizeof distance);
    const std::size_t root = 160 + distance;
    // Both children of the root are the root.
    put(image, root + 8, std::int64_t(-8));
    put(image, root + 16, std::int64_t(-16));
    put(image, 152, std::uint64_t(100));
    const FreshName name;
    store(name, image);
    auto parts = parts_of(name);
    REQUIRE(code_of(parts) == EBADMSG);
    CHECK_THAT(parts.error().text(), ContainsSubstring("was reached from"));
}

TEST_CASE("a segment whose lock died with its holder is read, and that is told")
{
    const FreshName name;
    {
        Memory memory(interprocess::create_only, name.text(), size);
        construct_all(memory);
    }
    Child([&] {
        Memory memory(interprocess::open_only, name.text());
        auto die = [] { ::kill(::getpid(), SIGKILL); };
        memory.atomic_func(die);
    }).wait();
    {
        const Notices notices;
        auto parts = parts_of(name);
        REQUIRE(parts.ok());
        CHECK(find(*parts, "answer", "named"));
        CHECK_THAT(notices.text(), ContainsSubstring("a process that died"));
        CHECK_THAT(listed(name)->detail, ContainsSubstring("objects, its lock is left by a process that died"));
    }
    // Boost makes such a lock unusable when it meets it.
    CHECK_THROWS(Memory(interprocess::open_only, name.text()).find<int>("answer"));
    const Notices notices;
    CHECK(Segment::open(name.address("answer"), Access::read).ok());
    CHECK(parts_of(name).ok());
    CHECK_THAT(notices.text(), ContainsSubstring("unusable"));
}

TEST_CASE("a lock that is held is told with its thread, and whether that exists here")
{
    const FreshName name;
    std::string image = sound_image();
    // A lock that is not robust, as other programs may make theirs: word, owner and kind.
    put(image, 112, std::uint32_t(1));
    put(image, 120, std::uint32_t(::getpid()));
    put(image, 128, std::uint32_t(0x81));
    store(name, image);
    {
        const Notices notices;
        CHECK(parts_of(name).ok());
        CHECK_THAT(notices.text(), ContainsSubstring("held by thread " + std::to_string(::getpid()) + ";"));
    }
    put(image, 120, std::uint32_t(0x3ffffff0));
    store(name, image);
    const Notices notices;
    CHECK(parts_of(name).ok());
    CHECK_THAT(notices.text(), ContainsSubstring("does not exist here"));
}

namespace {

/// Everything that reads an image: whatever is in it, each answer is a result or a sentence.
struct Outcome {
    int sound = 0, refused = 0;

    void examine(const FreshName &name, std::size_t length)
    {
        auto parts = parts_of(name);
        parts ? sound++ : refused++;
        if (parts)
            for (const Part &part : *parts) {
                CHECK(part.bytes <= length);
                CHECK((part.is_free || part.offset + part.bytes <= length));
            }
        else
            CHECK(is_sentence(parts.error().text()));
        for (const std::string &object : names)
            open(name.address(object));
        for (const auto &show : {listed(name), looked_at(name)})
            if (show)
                CHECK((show->used == IPC_UNKNOWN || show->used <= show->capacity));
    }

    static void open(const ipc::Address &address)
    {
        auto segment = Segment::open(address, Access::both);
        if (!segment) {
            CHECK(is_sentence(segment.error().text()));
            return;
        }
        std::vector<std::byte> bytes(segment->status()->bytes);
        auto count = segment->read(0, bytes);
        REQUIRE(count.ok());
        CHECK(*count == bytes.size());
    }
};

class Vandal {
public:
    explicit Vandal(unsigned seed) : random_(seed) {}

    std::string damage(std::string image)
    {
        for (std::uint64_t changes = 1 + below(6); changes > 0; changes--)
            change(image);
        if (below(8) == 0)
            image.resize(below(image.size()));
        return image;
    }

private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

    void change(std::string &image)
    {
        // Mostly where the structure is: the header, and the nodes behind it.
        const std::size_t reach = below(4) == 0 ? image.size() : below(2) == 0 ? 216 : 2048;
        const std::size_t word = below(reach / 8) * 8;
        const std::uint64_t values[] = {0, 1, 2, 3, ~std::uint64_t(0), std::uint64_t(1) << 63, image.size(), random_()};
        std::uint64_t old = 0;
        std::memcpy(&old, image.data() + word, sizeof old);
        switch (below(4)) {
        case 0:
            image[below(reach)] ^= static_cast<char>(1 << below(8));
            break;
        case 1:
            put(image, word, values[below(std::size(values))]);
            break;
        case 2: // another place of the segment, which is what pointers mostly say
            put(image, word, below(image.size()) / 8 * 8 - word);
            break;
        default:
            put(image, word, old + 16 * below(64) - 512);
        }
    }

    std::mt19937_64 random_;
};

} // namespace

TEST_CASE("no damage to an image makes reading it fail otherwise than with a sentence")
{
    const std::string image = sound_image();
    const FreshName name;
    Vandal vandal(1);
    Outcome outcome;
    for (int round = 0; round < 4000; round++) {
        INFO("round " << round);
        const std::string damaged = vandal.damage(image);
        store(name, damaged);
        outcome.examine(name, damaged.size());
    }
    CHECK(outcome.sound > 100);
    CHECK(outcome.refused > 1000);
}

TEST_CASE("every length that a segment can be cut off to is an error or a sound listing")
{
    const std::string image = sound_image();
    const FreshName name;
    Outcome outcome;
    for (std::size_t length = 0; length < size; length += 13) {
        store(name, image.substr(0, length));
        outcome.examine(name, length);
    }
    CHECK(outcome.sound == 0);
}

TEST_CASE("a segment that another process cuts off while it is listed is an error and no signal")
{
    const std::string image = sound_image();
    const FreshName name;
    store(name, image);
    Child cutter([&] {
        const ipc::Fd file = name.file();
        for (std::uint64_t round = 0;; round++) {
            (void)!::ftruncate(file.get(), static_cast<off_t>(round * 97 % size));
            (void)!::ftruncate(file.get(), size);
            (void)!::pwrite(file.get(), image.data(), image.size(), 0);
            if (round % 4 == 0)
                ::usleep(100);
        }
    });
    int sound = 0, refused = 0;
    for (int round = 0; round < 3000 || ((!sound || !refused) && round < 300000); round++) {
        auto parts = parts_of(name);
        parts ? sound++ : refused++;
        if (!parts)
            CHECK(is_sentence(parts.error().text()));
        if (auto segment = Segment::open(name.address("answer"), Access::both)) {
            std::byte bytes[12];
            (void)segment->read(0, bytes);
            (void)segment->write(0, bytes);
        }
        (void)looked_at(name);
        (void)listed(name);
    }
    CHECK(sound > 0);
    CHECK(refused > 0);
}

TEST_CASE("a segment in which another process works without pause is listed")
{
    const FreshName name;
    Memory memory(interprocess::create_only, name.text(), 65536);
    construct_all(memory);
    Child worker([&] {
        for (int i = 0;; i++) {
            const std::string object = "work-" + std::to_string(i % 50);
            memory.destroy<int>(object.c_str());
            memory.construct<int>(object.c_str())[1 + i % 7](i);
        }
    });
    for (int round = 0; round < 200; round++) {
        auto parts = parts_of(name);
        REQUIRE(parts);
        CHECK(find(*parts, "answer", "named"));
    }
}
