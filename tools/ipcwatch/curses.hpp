// SPDX-License-Identifier: MIT
// ncurses with wide characters, and without its macros named like ordinary words.
#pragma once

#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <curses.h>
