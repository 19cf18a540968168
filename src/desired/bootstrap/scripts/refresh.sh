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
if trust_changed; then
    if others_are_healthy; then
        install_keys trust
    else
        say "authorities changed: waiting until the other members are healthy"
    fi
fi
install_keys leafs

# Also after an earlier run that was ended between installing and restarting.
manifests
restart_kubelet
for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    retry 60 runs_with "$component" "$(digest "$component")" || die "$component did not come back with its new files"
done
retry 60 is_ready "$address" || die "the API server of this member is not ready"
report
