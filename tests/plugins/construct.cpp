// SPDX-License-Identifier: MIT
// construct SEGMENT [NAME=TEXT...] - make arrays of characters in a managed segment, as any program with Boost would,
// and say how much is free. Creates no segment.
#include <boost/interprocess/managed_shared_memory.hpp>

#include <algorithm>
#include <cstdio>
#include <string_view>

int main(int count, char **words)
{
    namespace interprocess = boost::interprocess;
    try {
        interprocess::managed_shared_memory memory(interprocess::open_only, count > 1 ? words[1] : "");
        for (int i = 2; i < count; i++) {
            const std::string_view word = words[i];
            const std::string name(word.substr(0, word.find('=')));
            const std::string_view text = word.substr(std::min(word.size(), name.size() + 1));
            char *object = memory.construct<char>(name.c_str())[text.size()]();
            std::copy(text.begin(), text.end(), object);
        }
        std::printf("%zu\n", memory.get_free_memory());
    } catch (const std::exception &exception) {
        std::fprintf(stderr, "construct: %s\n", exception.what());
        return 1;
    }
}
