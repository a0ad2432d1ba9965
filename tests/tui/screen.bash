# SPDX-License-Identifier: MIT
# Driving a full-screen program: `load screen`, after the helper of the command tests.
#
#   open_screen WIDTH HEIGHT COMMAND...  in a shell of a terminal of that size; returns when it takes keys, or has ended
#   press KEY...                         as tmux names them
#   screen                               what is to be seen
#   shows TEXT / hides TEXT              wait until TEXT is on the screen / is not
#   resize WIDTH HEIGHT
load ../cli/helper

prepare() {
    socket=$scratch/tmux
}

tmux_here() { tmux -S "$socket" -f /dev/null "$@"; }

teardown_screen() {
    tmux_here kill-server 2>/dev/null || true
    teardown_objects
}
eval "teardown_objects() $(declare -f teardown | sed 1d)"
teardown() { teardown_screen; }

open_screen() {
    local width=$1 height=$2 apart=""
    shift 2
    # So that the socket of tmux is not among the objects, nor what others have.
    if [ "${IPCUTILS_NAMESPACE-}" = inside ]; then apart="unshare --net"; else set -- "$@" "'*$unique'"; fi
    tmux_here new-session -d -x "$width" -y "$height" "$apart env PS1='$ ' sh -i"
    # With a trap, since a shell whose command died of SIGINT leaves the rest of the line.
    tmux_here send-keys -l "trap : INT; clear; $*; echo status \$?"
    tmux_here send-keys Enter
    # Keys that come before the program has set up the terminal are lost, and the line that starts it shows its words.
    wait_until screen_is_taken_or_over || { screen; return 1; }
}
screen_is_taken_or_over() {
    [ "$(tmux_here display -p '#{alternate_on}')" = 1 ] || screen | grep -q '^status [0-9]'
}

press() { tmux_here send-keys "$@"; }
screen() { tmux_here capture-pane -p; }
resize() { tmux_here resize-window -x "$1" -y "$2"; }

on_screen() { screen | grep -qF -- "$1"; }
off_screen() { ! on_screen "$1"; }
shows() { wait_until on_screen "$1" || { screen; return 1; }; }
hides() { wait_until off_screen "$1" || { screen; return 1; }; }

# The terminal is as a shell wants it: no alternate screen, a cursor, lines and echo.
is_restored() {
    [ "$(tmux_here display -p '#{alternate_on}#{cursor_flag}#{keypad_flag}')" = 010 ] || return 1
    press -l 'stty -a'
    press Enter
    shows ' icanon'
    shows ' echo '
}

# With the details open, ADDRESS is there twice: in the table and as their title.
is_selected() { [ "$(screen | grep -cF -- "$1")" -eq 2 ]; }

# The process that runs in the shell.
watcher() { pgrep -P "$(tmux_here display -p '#{pane_pid}')" ipcwatch; }
watcher_runs() { [ -n "$(watcher)" ]; }
