#!/bin/bash
# The authorities that this node trusts may change. Its own certificate the kubelet renews itself.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
lock
fetch
new=$(fetched "$(cut -d' ' -f1 "$root/etc/windlass/parameters")")
openssl x509 -in "$new" -noout || die "what the cluster trusts is no certificate"
put "$pki/ca.crt" <"$new"
# Also after an earlier run that was ended in between.
wanted=$(sha256sum <"$pki/ca.crt")
if [ "$(cat "$state/kubelet-trust" 2>/dev/null)" != "$wanted" ]; then
    systemctl restart kubelet
    put "$state/kubelet-trust" <<<"$wanted"
fi
