# SPDX-License-Identifier: MIT
# What all commands of ipcutils share: the command itself is asked for the candidates, so what is offered is what it
# takes, and addresses are those of objects that exist now.

function __ipcutils_offer
    set -l words (commandline -opc) (commandline -ct)
    set -l start ''
    # --option=value: asked as two words, of which the second is completed.
    if string match -q -- '--*=*' $words[-1]
        set -l parts (string split -m 1 = -- $words[-1])
        set words $words[1..-2] $parts
        set start $parts[1]=
    end
    for candidate in ($words[1] --complete (math (count $words) - 1) $words[2..-1] 2>/dev/null </dev/null)
        if test $candidate = :files
            printf '%s\n' $start(__fish_complete_path $words[-1])
        else
            printf '%s\n' $start$candidate
        end
    end
end
