#!/bin/bash
# Makes this instance a member of the control plane. Each step can be done again: the unit starts it until it succeeds,
# and at every boot.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
# shellcheck source=volume.sh
. "${0%/*}/volume.sh"
# shellcheck source=keys.sh
. "${0%/*}/keys.sh"
# shellcheck source=control-plane.sh
. "${0%/*}/control-plane.sh"

lock
[ ! -e "$state/stopped/etcd.yaml" ] || die "etcd is being restored: 'windlass-restore start' ends that"
hooks before
prepare
identify
mount_volume

fetch
check_keys
install_keys trust
install_keys leafs
kubeconfigs

manifests
phase kubelet-start
systemctl enable kubelet
put "$state/kubelet-trust" <<<"$(digest kubelet)"
retry 180 is_ready "$address" || die "the API server of this member is not ready"
mark_volume

publish
join_token
report
systemctl enable --now windlass-refresh.timer windlass-join-token.timer
if [ -n "${BACKUP:-}" ]; then
    systemctl enable --now windlass-snapshot.timer
fi
hooks after
say "member $NAME of $CLUSTER is up"
