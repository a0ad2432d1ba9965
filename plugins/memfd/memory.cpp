// SPDX-License-Identifier: MIT
// Creating, filling, sealing and reaching memory of memfd_create(2).
#include "anonymous.hpp"
#include "seals.hpp"

#include <ipc/huge_pages.hpp>

namespace {

using ipc::Error;
using ipc::Fd;
using ipc::HeldFacts;
using ipc::HeldFile;
using ipc::Result;

// Of <linux/memfd.h>, Linux 6.3. A system may demand that one of them is given, and refuse what can be executed.
constexpr unsigned never_executable = 0x8; // MFD_NOEXEC_SEAL
constexpr unsigned executable = 0x10;      // MFD_EXEC

Result<Fd> create_memfd(const char *name, std::uint64_t huge, std::uint32_t mode)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (huge ? MFD_HUGETLB | ipc::huge_page_flag(huge) : 0);
    Fd file(::memfd_create(name, flags | (mode & 0111 ? executable : never_executable)));
    if (!file && errno == EINVAL) // before 6.3
        file = Fd(::memfd_create(name, flags));
    if (file)
        return file;
    if (huge && (errno == ENODEV || errno == EINVAL || errno == ENOENT))
        return ipc::no_such_huge_pages(huge);
    if (errno == EACCES)
        return Error::of(EACCES,
                         "vm.memfd_noexec forbids memory that may be executed (leave the x bits out of its mode)");
    return Error::system("it cannot be created");
}

Error seals_refused(int code)
{
    if (code == EBUSY)
        return Error::of(code, "it cannot be sealed while somebody has it mapped for writing (end those processes)");
    if (code == EPERM)
        return Error::of(code, "it is sealed against further seals (seal)");
    return Error::system("it cannot be sealed", code);
}

/// What a seal forbids is refused in the seal's name, where the kernel would say that it is not permitted.
Result<void> expect_unsealed(int descriptor, int forbidding, const char *what)
{
    int present = ::fcntl(descriptor, F_GET_SEALS);
    if (present < 0 || !(present & forbidding))
        return {};
    for (const anonymous::Seal &seal : anonymous::seals)
        if (present & forbidding & seal.bit)
            return Error::of(EPERM, "it is sealed and so cannot be %s (seal %.*s, which nobody can take off)", what,
                             int(seal.word.size()), seal.word.data());
    return {};
}

class Memory : public ipc::HeldSegment {
public:
    static constexpr std::uint32_t features = IPC_SEGMENT_TRANSIENT;
    using HeldSegment::HeldSegment;

    static Result<std::unique_ptr<Memory>> create(const ipc_address &address, std::uint64_t bytes,
                                                  const ipc_ownership &ownership)
    {
        if (bytes == 0)
            return Error::of(EINVAL, "a segment has at least 1 byte (give a size)");
        std::uint64_t huge = ipc::wanted_huge_page_size(address);
        Fd file = IPC_TRY(create_memfd(address.name, huge, ownership.mode));
        if (Result<void> reserved = ipc::reserve(file.get(), 0, bytes, anonymous::place); !reserved)
            return huge && reserved.error().code() == ENOSPC ? ipc::too_few_huge_pages(bytes, huge) : reserved.error();
        IPC_TRY(ipc::set_ownership(file.get(), ownership));
        bool populate = ipc::parameter_is_set(address, "populate");
        auto memory = std::make_unique<Memory>(std::move(file), IPC_READ | IPC_WRITE, populate, anonymous::place);
        memory->name_ = HeldFile{::getpid(), memory->descriptor(), 0, 0}.name();
        memory->seals_ = wanted_seals(address);
        ipc_mapping mapping = {};
        if (populate)
            IPC_TRY(memory->map(mapping));
        return memory;
    }

    static Result<std::unique_ptr<Memory>> open(const ipc_address &address, std::uint32_t access)
    {
        std::optional<HeldFile> held = HeldFile::parse(address.name);
        if (!held)
            return anonymous::no_such_name();
        int seals = wanted_seals(address);
        if (seals && !(access & IPC_WRITE))
            return Error::of(EINVAL, "sealing goes with writing (leave out ?seal to read)");
        auto memory = IPC_TRY(ipc::open_held<Memory>(*held, access, ipc::parameter_is_set(address, "populate"),
                                                     anonymous::place, anonymous::expect_memfd));
        if (access & IPC_WRITE)
            IPC_TRY(expect_unsealed(memory->descriptor(), F_SEAL_WRITE | F_SEAL_FUTURE_WRITE, "written"));
        if (seals && memory->descriptor() < 0)
            return Error::of(ENOTSUP, "it cannot be sealed through another process's mapping (leave out ?seal)");
        memory->seals_ = seals;
        return memory;
    }

    Result<void> status(ipc_segment_status &status)
    {
        IPC_TRY(HeldSegment::status(status));
        if (name_)
            status.name = name_->text;
        return {};
    }

    Result<void> resize(std::uint64_t bytes)
    {
        ipc_segment_status now = {};
        IPC_TRY(HeldSegment::status(now));
        if (bytes > now.bytes)
            IPC_TRY(expect_unsealed(descriptor(), F_SEAL_GROW, "made larger"));
        if (bytes < now.bytes)
            IPC_TRY(expect_unsealed(descriptor(), F_SEAL_SHRINK, "made smaller"));
        if (bytes % now.page_size && now.page_size > std::uint64_t(::sysconf(_SC_PAGESIZE)))
            return Error::of(EINVAL, "its size is whole huge pages of %" PRIu64 " bytes (ask for a multiple)",
                             now.page_size);
        return HeldSegment::resize(bytes);
    }

    /// A mapping for writing would keep the kernel from sealing.
    Result<void> commit()
    {
        if (!seals_)
            return {};
        unmap();
        return ::fcntl(descriptor(), F_ADD_SEALS, seals_) == 0 ? Result<void>() : seals_refused(errno);
    }

private:
    static int wanted_seals(const ipc_address &address)
    {
        const char *words = ipc::parameter(address, "seal");
        return words ? anonymous::parse_seals(words).value_or(0) : 0;
    }

    std::optional<HeldFile::Text> name_; // where it was created
    int seals_ = 0;
};

std::uint64_t device_of_memfd(unsigned flags)
{
    struct stat status;
    Fd file(::memfd_create("", flags | MFD_CLOEXEC | never_executable));
    if (!file)
        file = Fd(::memfd_create("", flags | MFD_CLOEXEC));
    return file && ::fstat(file.get(), &status) == 0 ? std::uint64_t(status.st_dev) : 0;
}

} // namespace

bool anonymous::is_device(std::uint64_t device)
{
    constexpr unsigned smallest = 16, largest = 34; // powers of two of all sizes of huge pages that Linux has
    static const std::uint64_t ordinary = device_of_memfd(0);
    static std::uint64_t huge[largest - smallest + 1];
    static bool huge_known = false;
    if (device == ordinary || !device)
        return device != 0;
    for (unsigned shift = smallest; !huge_known && shift <= largest; shift++)
        huge[shift - smallest] = device_of_memfd(MFD_HUGETLB | ipc::huge_page_flag(std::uint64_t{1} << shift));
    huge_known = true;
    return std::find(std::begin(huge), std::end(huge), device) != std::end(huge);
}

Result<void> anonymous::expect_memfd(const HeldFacts &facts)
{
    bool regular = !facts.has_status || (S_ISREG(facts.status.stx_mode) && facts.status.stx_nlink == 0);
    if (regular && is_memfd(facts.path, facts.device))
        return {};
    return Error::of(EINVAL, "that is %s and no memfd (ipcls shows those that there are)",
                     facts.has_status ? ipc::kind_of(facts) : "the mapping of something else");
}

Error anonymous::no_such_name()
{
    return Error::of(ENOENT, "nobody finds such memory by a name, only by a process that holds it (write PID/FD behind "
                             "the colon, as ipcls shows it)");
}

Result<void> anonymous::check(const ipc_address &address)
{
    std::string_view name = address.name;
    if (name.empty())
        return Error::of(EINVAL, "a name is missing (write any word to create, PID/FD to reach what a process holds)");
    if (name.size() > longest_name)
        return Error::of(EINVAL, "the name has %zu bytes (at most %zu are allowed)", name.size(), longest_name);
    if (const char *words = ipc::parameter(address, "seal"); words && !parse_seals(words))
        return Error::of(EINVAL, "there are the seals write, future_write, grow, shrink, seal, exec (write "
                                 "?seal=write,grow)");
    IPC_TRY(ipc::check_huge_page_size(address));
    return ipc::check_switch(address, "populate");
}

const ipc_segment_v1 anonymous::segment = ipc::segment_table<Memory>();
