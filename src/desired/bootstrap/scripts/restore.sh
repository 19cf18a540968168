#!/bin/bash
# windlass-restore puts etcd back to a snapshot. Each of the three steps runs on every member before the next one begins on any:
#   windlass-restore stop            the control plane of this member stops
#   windlass-restore load SNAPSHOT   s3://… or a file; the data so far is kept beside it
#   windlass-restore start           it starts with what was loaded
# Each step can be run again, also after it was interrupted. 'windlass-restore status' says where this member is.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
# shellcheck source=etcd.sh
. "${0%/*}/etcd.sh"
# shellcheck source=control-plane.sh
. "${0%/*}/control-plane.sh"

disk=$root/var/lib/etcd
manifests=$kubernetes/manifests
# On the root disk: an instance that comes in place of this one starts with what is on the volume.
stopped=$state/stopped

is_stopped() { [ -z "$(crictl -r unix:///run/containerd/containerd.sock ps -q --name '^(etcd|kube-apiserver|kube-controller-manager|kube-scheduler)$')" ]; }

stop() {
    local name
    mkdir -p "$stopped"
    for name in kube-scheduler kube-controller-manager kube-apiserver etcd; do
        [ ! -e "$manifests/$name.yaml" ] || mv -f "$manifests/$name.yaml" "$stopped/$name.yaml"
    done
    put "$state/etcd.yaml" <"$stopped/etcd.yaml"
    retry 60 is_stopped || die "the control plane's containers do not stop"
}

load() {
    local source=$1 work=$disk/restore token bump=() restoring=etcdctl
    [ -e "$stopped/etcd.yaml" ] || die "run 'windlass-restore stop' first, on every member"
    # The members' data must say that they are of one cluster, and of another one than before.
    token=$CLUSTER-$(sha256sum <<<"$source" | cut -c1-16)
    if [ "$(cat "$disk/loaded" 2>/dev/null)" = "$token" ] && [ -d "$disk/data/member" ]; then
        say "$source is loaded already"
        rm -rf "$work"
        return 0
    fi
    identify
    if [ "$(cat "$work/complete" 2>/dev/null)" != "$token" ]; then
        rm -rf "$work"
        mkdir -p "$work"
        copy "$source" "$work/snapshot.db"
        # The newer tool since etcd 3.5; both write the same.
        if tool etcdutl version >/dev/null 2>&1; then restoring=etcdutl; fi
        # Watchers must not take old revisions for new ones (etcd documentation, "Restoring with revision bump").
        if tool etcdutl snapshot restore --help 2>/dev/null | grep -q -e --bump-revision; then
            bump=(--bump-revision 1000000000 --mark-compacted)
        fi
        tool "$restoring" snapshot restore "$work/snapshot.db" --data-dir "$work/data" --name "$NAME" \
            --initial-cluster "$initial_cluster" --initial-cluster-token "$token" \
            --initial-advertise-peer-urls "https://$address:2380" ${bump[@]+"${bump[@]}"} >&2
        rm "$work/snapshot.db"
        put "$work/complete" <<<"$token"
    fi
    if [ -d "$work/data" ]; then
        [ ! -d "$disk/data" ] || mv "$disk/data" "$disk/kept-$(date -u +%Y%m%dT%H%M%SZ)"
        mv "$work/data" "$disk/data"
    fi
    put "$disk/loaded" <<<"$token"
    rm -rf "$work"
    say "$source is loaded"
}

# A snapshot and proof that it is whole.
copy() {
    case $1 in
        s3://*)
            local path=${1#s3://} wanted
            aws s3 cp --only-show-errors "$1" "$2"
            wanted=$(aws s3api head-object --bucket "${path%%/*}" --key "${path#*/}" --query Metadata.sha256 --output text)
            case $wanted in
                '' | None) say "$1 says no checksum" ;;
                *) [ "$(sha256sum <"$2" | cut -d' ' -f1)" = "$wanted" ] || die "$1 is damaged: its checksum differs" ;;
            esac
            ;;
        *) cp "$1" "$2" ;;
    esac
}

start() {
    local name
    # First: with this mark left over, a later restore of the same snapshot would believe that it is loaded.
    rm -f "$disk/loaded"
    for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
        [ ! -e "$stopped/$name.yaml" ] || mv -f "$stopped/$name.yaml" "$manifests/$name.yaml"
    done
    rm -rf "$stopped"
    identify
    retry 120 is_ready "$address" || die "the API server of this member is not ready"
}

standing() {
    if [ ! -e "$stopped/etcd.yaml" ]; then echo running; elif [ -e "$disk/loaded" ]; then echo loaded; else echo stopped; fi
}

lock
case ${1:-} in
    stop) stop ;;
    load) load "${2:?which snapshot?}" ;;
    start) start ;;
    status) ;;
    *) die "usage: windlass-restore stop | load SNAPSHOT | start | status" ;;
esac
standing
