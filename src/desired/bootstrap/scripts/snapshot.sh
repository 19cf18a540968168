#!/bin/bash
# Stores a snapshot of etcd as <prefix>/<UTC time>-<member>.db. Prints its address.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
# shellcheck source=etcd.sh
. "${0%/*}/etcd.sh"

lock
[ -n "${BACKUP:-}" ] || die "the manifest has no spec.backup"
folder=$root/var/lib/etcd/snapshot
rm -rf "$folder"
mkdir -p "$folder"
time=$(date -u +%Y%m%dT%H%M%SZ)
client snapshot save "$folder/snapshot.db" >&2
status=$(tool etcdctl snapshot status --write-out json "$folder/snapshot.db")
field() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" <<<"$status"; }
metadata="cluster=$CLUSTER,member=$NAME,time=$time,sha256=$(sha256sum <"$folder/snapshot.db" | cut -d' ' -f1)"
metadata+=",revision=$(field revision),keys=$(field totalKey)"
target=$BACKUP/$time-$NAME.db
encryption=(--sse)
[ -z "$BACKUP_KEY" ] || encryption=(--sse aws:kms --sse-kms-key-id "$BACKUP_KEY")
aws s3 cp --only-show-errors "${encryption[@]}" --metadata "$metadata" "$folder/snapshot.db" "$target"
rm -rf "$folder"
printf '%s\n' "$target"
