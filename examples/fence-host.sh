#!/bin/sh
# A fence command: switches off the host that lost its lock, and succeeds only when it is off for certain.
#
#   lockd serve --fence 'service/*=/usr/local/lib/lockd/fence-host.sh'
#
# The clients are called like their hosts (--client "$(uname -n)"), and the management board of each is HOST-ipmi. It may be
# run twice, and again after each failure.
set -eu

case $LOCKD_CLIENT in
  '' | -* | *[!A-Za-z0-9.-]*)
    echo "'$LOCKD_CLIENT' is no host: nothing was switched off" >&2
    exit 1
    ;;
esac

power() {
  ipmitool -I lanplus -H "$LOCKD_CLIENT-ipmi" -U fence -f /etc/lockd/ipmi-password chassis power "$1"
}

# What counts is what the board says afterwards.
power off || :
for _ in 1 2 3 4 5; do
  case $(power status) in *' is off') exit 0 ;; esac
  sleep 1
done
echo "$LOCKD_CLIENT is not off yet" >&2
exit 1
