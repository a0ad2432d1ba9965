// SPDX-License-Identifier: MIT
#include "subject.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace conformance {
namespace {

/// A directory of this process, for mechanisms whose names are paths; removed with all that is in it at the end.
class Scratch {
public:
    Scratch() : path_(std::filesystem::temp_directory_path() / "ipc-conformance-XXXXXX")
    {
        if (!::mkdtemp(path_.data())) {
            std::perror(path_.c_str());
            std::exit(1);
        }
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    const std::string &path() const { return path_; }

private:
    std::string path_;
};

const std::string &scratch()
{
    static const Scratch directory;
    return directory.path();
}

/// Names in the forms that mechanisms use: a path, a POSIX name, a key, a plain word, a port.
ipc::Address fresh_address()
{
    static unsigned count = 0;
    const unsigned key = (static_cast<unsigned>(::getpid()) << 8 ^ count++) & 0x7fffffff;
    for (const std::string &name : {fmt::format("{}/object-{}", scratch(), key), fmt::format("/conformance-{}", key),
                                    fmt::format("{:#x}", key | 0x1000), fmt::format("conformance-{}", key),
                                    fmt::format("{}", 20000 + key % 10000)}) {
        ipc::Address address{std::string(subject().mechanism()), name, {}};
        if (subject().check(address))
            return address;
    }
    std::fprintf(stderr, "%s accepts no form of name that this suite knows\n", subject().descriptor().id);
    std::exit(1);
}

} // namespace

const ipc::Plugin &subject()
{
    static const ipc::Plugin &plugin = []() -> const ipc::Plugin & {
        const char *mechanism = std::getenv("IPCUTILS_MECHANISM");
        if (!mechanism) {
            std::fputs("IPCUTILS_MECHANISM says which plugin is examined, and is not set\n", stderr);
            std::exit(1);
        }
        auto loaded = ipc::load_plugin(mechanism);
        if (!loaded) {
            std::fprintf(stderr, "%s\n", loaded.error().text());
            std::exit(1);
        }
        return **loaded;
    }();
    return plugin;
}

FreshAddress::FreshAddress() : address_(fresh_address()) {}

FreshAddress::~FreshAddress() { (void)remove(address_); }

ipc::Result<void> remove(const ipc::Address &address, const ipc_identity *expected)
{
    if (!subject().descriptor().remove)
        return ipc::Error::of(ENOTSUP, "cannot remove");
    ipc::CrossingAddress crossing(address);
    return ipc::call(subject().descriptor().remove, crossing.get(), expected);
}

bool is_sentence(const char *text)
{
    if (!*text)
        return false;
    for (const char *c = text; *c; c++)
        if (static_cast<unsigned char>(*c) < ' ' || *c == 0x7f)
            return false;
    return true;
}

} // namespace conformance
