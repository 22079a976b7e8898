#!/bin/sh
# hooks/update of a repository on a server: nobody pushes to a branch that is frozen. To freeze main, and to open it again:
#
#   lockd lock freeze/main --note 'release 7 is being tested'
#   lockd unlock freeze/main
case $1 in refs/heads/*) branch=${1#refs/heads/} ;; *) exit 0 ;; esac

# When no daemon answers the push is refused, too.
status=$(lockd status "freeze/$branch" --json) || exit 1
case $status in *'"state":"free"'*) exit 0 ;; esac
echo "$branch is frozen:" >&2
lockd status "freeze/$branch" >&2
exit 1
