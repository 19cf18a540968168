#!/bin/bash
# Installs what was renewed. Certificates are read from their files by whoever uses them; what is trusted is loaded at the
# start only, so that costs a restart: of one member at a time, while all others are healthy.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
# shellcheck source=keys.sh
. "${0%/*}/keys.sh"
# shellcheck source=control-plane.sh
. "${0%/*}/control-plane.sh"

lock
if [ -e "$state/stopped/etcd.yaml" ]; then
    say "etcd is being restored: nothing is changed meanwhile"
    exit 0
fi
identify
fetch
check_keys
# First: with an expired certificate this member could not even ask how the others are.
install_keys leafs
if trust_changed; then
    if others_are_healthy; then
        install_keys trust
    else
        say "authorities changed: waiting until the other members are healthy"
    fi
fi

components=(etcd kube-apiserver kube-controller-manager kube-scheduler)
for component in "${components[@]}"; do
    # The mark stays until all are back, also when this run is ended before that.
    grep -q "$(digest "$component")" "$kubernetes/manifests/$component.yaml" || : >"$state/restarting"
done
manifests
restart_kubelet
if [ -e "$state/restarting" ]; then
    for component in "${components[@]}"; do
        retry 60 runs_with "$component" "$(digest "$component")" || die "$component did not come back with its new files"
    done
    retry 60 is_ready "$address" || die "the API server of this member is not ready"
    rm "$state/restarting"
fi
# Without a restart nobody is asked: in a cluster whose certificates have all expired nobody could answer.
report
