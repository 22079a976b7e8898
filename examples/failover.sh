#!/bin/sh
# Runs a service on one of two hosts, and on the other one when the first has failed. Start it on both, in the same way:
#
#   ./failover.sh /shared/database -- /usr/local/bin/database
#
# Who comes first serves, the other one waits. When the first one hangs or dies, its lease ends, the daemon has it switched off
# (lockd serve --fence 'failover/*=/usr/local/lib/lockd/fence-host.sh'), and only then the other one starts. The gate beside
# the data turns an old token away, and never lets two in; its file system must have flock across both hosts.
set -eu
data=$1
shift 2

# shellcheck disable=SC2016 # the inner shell shall expand it
exec lockd run "failover/$data" --client "${HOST:-$(uname -n)}" --ttl "${TTL:-30s}" -- \
  sh -c 'exec lockd gate "$0/token" "$LOCKD_TOKEN" -- "$@"' "$data" "$@"
