#!/bin/bash
# A member's certificates and keys: from $run/fetched to /etc/kubernetes. Sourced.

certificates() { sed -n '/-BEGIN CERTIFICATE-/,/-END CERTIFICATE-/p' "$1"; }
private_key() { sed -n '/-BEGIN .*PRIVATE KEY-/,/-END .*PRIVATE KEY-/p' "$1"; }

# What loads its files only when it starts: authorities and service-account keys.
is_trust() {
    case $1 in
        pki/ca.crt | pki/ca.key | pki/etcd/ca.crt | pki/front-proxy-ca.crt | pki/sa.*) return 0 ;;
        *) return 1 ;;
    esac
}

# Nothing that does not fit together is installed.
check_keys() {
    local name target file
    while read -r name target; do
        file=$(fetched "$name")
        case $name in
            *.pem)
                [ "$(openssl x509 -in "$file" -noout -pubkey)" = "$(openssl pkey -in "$file" -pubout)" ] ||
                    die "$name: certificate and key do not belong together"
                ;;
            *.crt) openssl x509 -in "$file" -noout || die "$name is no certificate" ;;
        esac
    done <"$root/etc/windlass/parameters"
}

# The authority that signs: the one of several whose key this is. signing_certificate BUNDLE KEY
signing_certificate() {
    local key part
    key=$(openssl pkey -in "$2" -pubout)
    rm -rf "$run/bundle"
    mkdir -p "$run/bundle"
    certificates "$1" | awk -v folder="$run/bundle" '/-BEGIN/ { n++ } { print > (folder "/" n) }'
    for part in "$run/bundle"/*; do
        if [ "$(openssl x509 -in "$part" -noout -pubkey)" = "$key" ]; then
            cat "$part"
            return 0
        fi
    done
    die "no certificate in $1 belongs to the key that signs"
}

# Does what was fetched differ from what is trusted?
trust_changed() {
    local name target
    while read -r name target; do
        is_trust "$target" && ! cmp -s "$(fetched "$name")" "$kubernetes/$target" && return 0
    done <"$root/etc/windlass/parameters"
    return 1
}

# install_keys trust|leafs
install_keys() {
    local name target file
    while read -r name target; do
        file=$(fetched "$name")
        if is_trust "$target"; then [ "$1" = trust ] || continue; else [ "$1" = leafs ] || continue; fi
        case $name:$target in
            *.pem:*.crt)
                private_key "$file" | put "$kubernetes/${target%.crt}.key"
                certificates "$file" | put "$kubernetes/$target"
                ;;
            *) put "$kubernetes/$target" <"$file" ;;
        esac
    done <"$root/etc/windlass/parameters"
    if [ "$1" = trust ]; then
        local signing
        signing=$(signing_certificate "$pki/ca.crt" "$pki/ca.key")
        put "$pki/signing.crt" <<<"$signing"
        put "$kubernetes/scheduler/ca.crt" <"$pki/ca.crt"
    fi
}

# Each component's way to this member's own API server: never through the load balancer.
kubeconfigs() {
    local server=https://$address:6443
    kubeconfig "$kubernetes/admin.conf" "$server" /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/bootstrap.pem
    kubeconfig "$kubernetes/kubelet.conf" "$server" /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/kubelet.pem
    kubeconfig "$kubernetes/controller-manager.conf" "$server" /etc/kubernetes/pki/ca.crt \
        /etc/kubernetes/pki/controller-manager.pem
    kubeconfig "$kubernetes/scheduler.conf" "$server" /etc/kubernetes/scheduler/ca.crt /etc/kubernetes/scheduler/client.pem
}

# What a component loads only when it starts. digest COMPONENT
digest() {
    (
        cd "$kubernetes"
        case $1 in
            etcd) cat pki/etcd/ca.crt ;;
            kube-apiserver) cat pki/etcd/ca.crt pki/sa.pub pki/sa.key config/* ;;
            kube-controller-manager) cat pki/ca.crt pki/sa.key ;;
            *) cat pki/ca.crt ;;
        esac
    ) | sha256sum | cut -d' ' -f1
}

# SHA-256 fingerprints of a bundle as a list of JSON.
fingerprints() {
    local part list=
    rm -rf "$run/bundle"
    mkdir -p "$run/bundle"
    certificates "$1" | awk -v folder="$run/bundle" '/-BEGIN/ { n++ } { print > (folder "/" n) }'
    for part in "$run/bundle"/*; do
        list+=,\"$(openssl x509 -in "$part" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr 'A-F' 'a-f')\"
    done
    printf '[%s]' "${list#,}"
}

# What is installed here, for 'windlass certs list' and for rotations.
report() {
    local name target leaf serial leafs=
    while read -r name target; do
        case $name in
            *.pem)
                leaf=${name##*/}
                serial=$(openssl x509 -in "$kubernetes/$target" -noout -serial | sed 's/.*=//' | tr 'A-F' 'a-f')
                leafs+=,\"${leaf%.pem}\":\"$serial\"
                ;;
        esac
    done <"$root/etc/windlass/parameters"
    put "$run/status.json" <<JSON
{"format":1,"member":"$NAME","at":"$(date -u +%Y-%m-%dT%H:%M:%SZ)","trust":{"cluster":$(fingerprints "$pki/ca.crt"),"etcd":$(fingerprints "$pki/etcd/ca.crt"),"front-proxy":$(fingerprints "$pki/front-proxy-ca.crt")},"leafs":{${leafs#,}}}
JSON
    aws ssm put-parameter --name "$STATUS" --type String --overwrite --value "file://$run/status.json" >/dev/null
}
