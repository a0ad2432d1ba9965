// SPDX-License-Identifier: MIT
#include "summary.hpp"

#include "printable.hpp"
#include "quantity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace ipc::watch {
namespace {

bool can_be_measured(const Limit &limit)
{
    return limit.limit != IPC_UNKNOWN && limit.limit != 0 && limit.used != IPC_UNKNOWN;
}

std::string amount_of(std::uint64_t value, bool bytes) { return bytes ? format_size(value) : fmt::to_string(value); }

Gauge gauge_of(const Limit &limit)
{
    return {printable(fmt::format("{} {}", limit.mechanism, limit.meaning)),
            fmt::format("{} of {}", amount_of(limit.used, limit.bytes), amount_of(limit.limit, limit.bytes)),
            static_cast<double>(limit.used) / static_cast<double>(limit.limit)};
}

} // namespace

std::string count_objects(const std::vector<const Object *> &objects)
{
    std::string out = fmt::format("{} object{}", objects.size(), objects.size() == 1 ? "" : "s");
    const char *separator = ": ";
    for (State state : all_states) {
        const auto count =
            std::count_if(objects.begin(), objects.end(), [&](const Object *object) { return object->state == state; });
        if (count > 0)
            fmt::format_to(std::back_inserter(out), "{}{} {}", std::exchange(separator, ", "), count, name_of(state));
    }
    return out;
}

std::vector<Gauge> gauges_of(const Snapshot &snapshot)
{
    std::vector<Gauge> gauges;
    std::map<std::string, std::size_t> unlimited;
    for (const Object &object : snapshot.objects)
        unlimited[object.address.mechanism]++;
    for (const Limit &limit : snapshot.limits) {
        if (!can_be_measured(limit))
            continue;
        gauges.push_back(gauge_of(limit));
        unlimited.erase(limit.mechanism);
    }
    for (const auto &[mechanism, count] : unlimited)
        gauges.push_back({printable(mechanism), fmt::format("{} object{}", count, count == 1 ? "" : "s"), -1});
    return gauges;
}

std::string percent_of(const Gauge &gauge)
{
    const double percent = gauge.fraction * 100;
    if (percent < 0)
        return {};
    return percent >= 0.05 && percent < 9.95 ? fmt::format("{:.1f}%", percent) : fmt::format("{:.0f}%", percent);
}

std::string restriction_of(const Model &model)
{
    std::string text;
    if (model.user())
        text += fmt::format("user {}, ", *model.user());
    if (model.process())
        text += fmt::format("process {}, ", *model.process());
    if (!model.filter().empty())
        text += fmt::format("filter {}, ", printable(model.filter()));
    return text.substr(0, text.size() - std::min<std::size_t>(text.size(), 2));
}

std::vector<std::string> notices_of(const Snapshot &snapshot)
{
    std::vector<std::string> notices;
    for (const std::string &notice : snapshot.notices)
        notices.push_back(printable(notice));
    for (const std::string &failed : snapshot.failures)
        notices.push_back(printable(failed));
    for (const Unmatched &unmatched : snapshot.unmatched)
        notices.push_back(printable(unmatched.pattern) + ": " + printable(unmatched.reason.text()));
    return notices;
}

} // namespace ipc::watch
