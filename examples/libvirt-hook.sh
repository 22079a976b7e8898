#!/bin/sh
# /etc/libvirt/hooks/qemu on every host: a guest runs on one host at a time. Live migration is refused, because the guest is
# locked by the host that it comes from: stop it there, and start it here.
guest=$1 operation=$2
host=$(uname -n)

case $operation in
  prepare)
    # What this host had before a power cut is of no use to anybody; most times there is nothing.
    lockd unlock "guest/$guest" --client "$host" 2>/dev/null
    exec lockd lock "guest/$guest" --client "$host" >/dev/null
    ;;
  release)
    exec lockd unlock "guest/$guest" --client "$host"
    ;;
esac
