#!/bin/bash
# What all scripts share; each sources it. All paths are beneath WINDLASS_ROOT, which only tests set.
set -euo pipefail
umask 077
root=${WINDLASS_ROOT:-}
# shellcheck source=/dev/null
. "$root/etc/windlass/node.env"
: "${CLUSTER:?}" "${REGION:?}" "${NAME:?}"
imds=${WINDLASS_IMDS:-http://169.254.169.254}
pause=${WINDLASS_PAUSE:-5}
run=$root/run/windlass
state=$root/var/lib/windlass
kubernetes=$root/etc/kubernetes
# shellcheck disable=SC2034
pki=$kubernetes/pki
export AWS_REGION=$REGION AWS_DEFAULT_REGION=$REGION AWS_PAGER='' AWS_RETRY_MODE=standard AWS_MAX_ATTEMPTS=8
mkdir -p "$run" "$state"

say() { printf 'windlass: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# One script at a time: the rest waits. Held until the script ends.
lock() {
    exec 9>"$run/lock"
    flock 9
}

# Standard input → a file: all of it or nothing, and untouched when it would be the same. put FILE [MODE]
put() {
    mkdir -p "${1%/*}"
    cat >"$1.windlass-new"
    chmod "${2:-0600}" "$1.windlass-new"
    if cmp -s "$1.windlass-new" "$1"; then
        rm "$1.windlass-new"
    else
        mv -f "$1.windlass-new" "$1"
    fi
}

# Tries a command until it succeeds. retry TIMES COMMAND…
retry() {
    local left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep "$pause"
    done
}

# From the instance's metadata service, version 2, which wants a session first.
metadata_session() {
    session=$(curl -sS --fail --retry 5 --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        "$imds/latest/api/token")
}
metadata() {
    curl -sS --fail --retry 5 --max-time 5 -H "X-aws-ec2-metadata-token: $session" "$imds/latest/meta-data/$1"
}

# The manifest's own scripts, each once in an instance's life. hooks before|after
hooks() {
    local hook
    for hook in "$root/etc/windlass/hooks/$1"-*; do
        [ -e "$hook" ] || continue
        [ -e "$state/hooks/${hook##*/}" ] && continue
        say "hook ${hook##*/}"
        # A daemon that it leaves behind must not hold the lock.
        "$hook" 9>&-
        mkdir -p "$state/hooks"
        : >"$state/hooks/${hook##*/}"
    done
}

# Kernel and container runtime, ready for pods.
prepare() {
    if [ -e "${0%/*}/packages.sh" ]; then
        # shellcheck source=/dev/null
        . "${0%/*}/packages.sh"
        packages
    fi
    modprobe overlay
    modprobe br_netfilter
    sysctl -q -p "$root/etc/sysctl.d/90-windlass.conf"
    if [ -n "$SANDBOX_IMAGE" ]; then
        local config=$root/etc/containerd/config.toml
        [ -s "$config" ] || die "$config is missing, and bootstrap.sandboxImage belongs there"
        if ! grep -q "= \"$SANDBOX_IMAGE\"" "$config"; then
            # containerd 1 calls it sandbox_image, containerd 2 sandbox.
            sed -E "s|^( *sandbox(_image)? *= *).*|\\1\"$SANDBOX_IMAGE\"|" "$config" | put "$config" 0644
            grep -q "= \"$SANDBOX_IMAGE\"" "$config" || die "$config names no pause image that could be replaced"
            systemctl restart containerd
        fi
    fi
    systemctl enable --now containerd
}

# The documents of kubeadm with this machine's values in them. render SED-EXPRESSION…
render() {
    local file
    # A strategic merge on top of these would be somebody else's.
    rm -rf "$run/kubeadm"
    for file in config.yaml patches/kubeletconfiguration1+merge.json patches/etcd1+strategic.json; do
        [ -e "$root/etc/windlass/kubeadm/$file" ] || continue
        sed "$@" "$root/etc/windlass/kubeadm/$file" | put "$run/kubeadm/$file"
    done
}

# Parameters → files in $run/fetched, by the last part of the target's path with / as _.
fetch() {
    local folder=$run/fetched
    rm -rf "$folder"
    mkdir -p "$folder"
    # GetParameters takes ten names at once. PEM and YAML have no line that begins like a parameter's name.
    cut -d' ' -f1 "$root/etc/windlass/parameters" |
        xargs -n 10 aws ssm get-parameters --with-decryption --query 'Parameters[].[Name,Value]' --output text --names |
        awk -v folder="$folder" -v path="$PARAMETERS" '
            index($0, path) == 1 {
                name = $1
                $0 = substr($0, length(name) + 2)
                gsub("/", "_", name)
                file = folder "/" name
            }
            file != "" && $0 != "" { print > file }'
    local name target
    while read -r name target; do
        [ -s "$(fetched "$name")" ] || die "parameter $name is missing: 'windlass apply' makes it ($target)"
    done <"$root/etc/windlass/parameters"
}

# Where a fetched parameter is.
fetched() { printf '%s' "$run/fetched/${1//\//_}"; }

# A kubeconfig that refers to files. kubeconfig FILE SERVER CA CERTIFICATE-AND-KEY
kubeconfig() {
    put "$1" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: $CLUSTER
  cluster:
    server: $2
    certificate-authority: $3
users:
- name: windlass
  user:
    client-certificate: $4
    client-key: $4
contexts:
- name: windlass
  context:
    cluster: $CLUSTER
    user: windlass
current-context: windlass
YAML
}
