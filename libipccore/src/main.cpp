// SPDX-License-Identifier: MIT
#include "command.hpp"

int main(int count, char **words)
{
    ipc::Command command(count, words);
    return ipc::run_command(command);
}
