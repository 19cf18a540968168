#!/bin/bash
# What etcd's members say of themselves, and who shall lead them. etcd-members.sh status | move-leader ID
# shellcheck source=common.sh
. "${0%/*}/common.sh"
# shellcheck source=etcd.sh
. "${0%/*}/etcd.sh"

case "${1:-}" in
status)
    # One document a line. A member that does not answer makes the last two fail, and they still print the others.
    client member list --write-out json
    client endpoint status --cluster --write-out json || true
    client endpoint health --cluster --write-out json || true
    ;;
move-leader)
    # Only the leader can do it.
    client move-leader "${2:?which member, as etcdctl names it?}"
    ;;
*) die "usage: windlass-etcd status | move-leader ID" ;;
esac
