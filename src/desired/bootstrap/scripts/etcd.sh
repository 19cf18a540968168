#!/bin/bash
# etcd's own tools: those of the machine, else those in etcd's image. Sourced.

# tool etcdctl|etcdutl ARGUMENTS…
tool() {
    local name=$1 image
    shift
    if command -v "$name" >/dev/null; then
        ETCDCTL_API=3 "$name" "$@"
        return
    fi
    image=$(sed -n 's/^ *image: *//p' "$state/etcd.yaml" "$kubernetes/manifests/etcd.yaml" 2>/dev/null | head -n 1)
    ctr -n k8s.io run --rm --net-host \
        --mount "type=bind,src=$root/var/lib/etcd,dst=$root/var/lib/etcd,options=rbind:rw" \
        --mount "type=bind,src=$pki/etcd,dst=$pki/etcd,options=rbind:ro" \
        "$image" "windlass-$name-$$" "$name" "$@"
}

# A client of this member, which may save snapshots and nothing else needs to.
client() {
    tool etcdctl --endpoints "${WINDLASS_ETCD:-https://127.0.0.1:2379}" --cacert "$pki/etcd/ca.crt" \
        --cert "$pki/etcd/healthcheck-client.crt" --key "$pki/etcd/healthcheck-client.key" "$@"
}
