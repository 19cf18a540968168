#!/bin/bash
# Every outside program of the bootstrap scripts, under its own name: what it does to a small world in $WORLD, and an end
# of the script, as a power cut would be, at the call number $KILL_AT (before its effect, or after with KILL_AFTER set).
set -euo pipefail
name=${0##*/}
# shellcheck disable=SC2153
world=$WORLD

number=$(($(cat "$world/calls" 2>/dev/null || echo 0) + 1))
echo "$number" >"$world/calls"
printf '%s %s %s\n' "$number" "$name" "$*" >>"$world/log"
finish() {
    [ "$number" != "${KILL_AT:-}" ] || kill -KILL 0
    exit "${1:-0}"
}
if [ "$number" = "${KILL_AT:-}" ] && [ -z "${KILL_AFTER:-}" ]; then kill -KILL 0; fi
if [ -e "$world/fail/$name" ]; then exit 1; fi

option() { # option NAME ARGUMENTS… → the argument behind NAME
    local wanted=$1
    shift
    while [ $# -gt 0 ]; do
        if [ "$1" = "$wanted" ]; then printf '%s' "$2"; return; fi
        shift
    done
}
manifests=$WINDLASS_ROOT/etc/kubernetes/manifests
running() { [ -e "$world/kubelet" ] && [ -e "$manifests/$1.yaml" ]; }

case "$name ${1:-} ${2:-}" in
    'aws ec2 describe-network-interfaces') cat "$world/interfaces" ;;
    'aws ec2 describe-volumes')
        # Somebody else's hold on the volume ends after a while.
        if [ -e "$world/held" ]; then
            left=$(($(cat "$world/held") - 1))
            if [ "$left" -le 0 ]; then
                rm "$world/held"
                printf 'vol-0abc\tavailable\tNone\tNone\t%s\n' "$(cut -f5 "$world/volume")" >"$world/volume"
            else
                echo "$left" >"$world/held"
            fi
        fi
        cat "$world/volume"
        ;;
    'aws ec2 attach-volume')
        [ "$(cut -f2 "$world/volume")" = available ] || { echo 'VolumeInUse' >&2; exit 254; }
        printf 'vol-0abc\tin-use\ti-0123\tattached\t%s\n' "$(cut -f5 "$world/volume")" >"$world/volume"
        mkdir -p "$WINDLASS_ROOT/dev/disk/by-id"
        ln -sf "$world/disk" "$WINDLASS_ROOT/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
        ;;
    'aws ec2 create-tags') sed -i 's/[^\t]*$/true/' "$world/volume" ;;
    'aws ssm get-parameters')
        while [ "$1" != --names ]; do shift; done
        shift
        for parameter in "$@"; do
            file=$world/parameters/${parameter//\//_}
            [ ! -e "$file" ] || printf '%s\t%s\n' "$parameter" "$(cat "$file")"
        done
        ;;
    'aws ssm get-parameter')
        parameter=$(option --name "$@")
        cat "$world/parameters/${parameter//\//_}"
        ;;
    'aws ssm put-parameter')
        parameter=$(option --name "$@")
        value=$(option --value "$@")
        mkdir -p "$world/written"
        # As AWS stores it: with the command's own idea of the file's last newline, and its type beside it.
        { option --type "$@"; echo; cat "${value#file://}"; } >"$world/written/${parameter//\//_}"
        ;;
    'aws s3 cp')
        shift 2
        metadata=$(option --metadata "$@")
        source=${*: -2:1} target=${*: -1}
        mkdir -p "$world/s3"
        case $target in
            s3://*)
                cp "$source" "$world/s3/${target//\//_}"
                printf '%s' "$metadata" >"$world/s3/${target//\//_}.metadata"
                ;;
            *) cp "$world/s3/${source//\//_}" "$target" ;;
        esac
        ;;
    'aws s3api head-object')
        file=s3://$(option --bucket "$@")/$(option --key "$@")
        sed -n 's/.*sha256=\([0-9a-f]*\).*/\1/p' "$world/s3/${file//\//_}.metadata"
        ;;
    'blkid '*) if [ -s "$world/disk" ]; then cat "$world/disk"; else finish 2; fi ;;
    'mkfs.ext4 '*) echo ext4 >"$world/disk" ;;
    'mountpoint '*) [ -e "$world/mounted" ] || finish 1 ;;
    'mount '*) : >"$world/mounted" ;;
    'kubeadm init phase')
        [ ! -e "$world/mounted" ] && [ "$3 $4" = 'etcd local' ] && { echo 'no volume is mounted' >&2; exit 1; }
        config=$(option --config "$@")
        if grep -q '@[A-Z_]*@' "$config"; then echo "words are left in $config" >&2; exit 1; fi
        mkdir -p "$manifests"
        case "$3 $4" in
            'etcd local') parts=etcd ;;
            'control-plane all') parts='kube-apiserver kube-controller-manager kube-scheduler' ;;
            *) parts= ;;
        esac
        for part in $parts; do
            { cat "$config"; cat "$(dirname "$config")/patches/$part"*; } >"$manifests/$part.yaml"
        done
        case "$3 $4" in
            'kubelet-start --config') : >"$world/kubelet" ;;
            'upload-config all' | 'addon all')
                [ -e "$(option --kubeconfig "$@")" ] || exit 1
                mkdir -p "$world/cluster"
                : >"$world/cluster/$3"
                ;;
        esac
        if running etcd; then
            [ -d "$WINDLASS_ROOT/var/lib/etcd/data" ] || { echo 'etcd has no folder' >&2; exit 1; }
            mkdir -p "$WINDLASS_ROOT/var/lib/etcd/data/member"
        fi
        ;;
    'kubeadm token create') printf 'abcdef.0123456789abcdef\n' ;;
    'kubeadm join '*)
        config=$(option --config "$@")
        kubeconfig=$WINDLASS_ROOT/run/windlass/join.conf
        if grep -q '@[A-Z_]*@' "$config"; then echo "words are left in $config" >&2; exit 1; fi
        grep -q 'token: abcdef.0123456789abcdef' "$kubeconfig" || exit 1
        # As kubeadm's own checks before it joins.
        for file in pki/ca.crt kubelet.conf; do
            [ ! -e "$WINDLASS_ROOT/etc/kubernetes/$file" ] || { echo "FileAvailable: $file exists" >&2; exit 1; }
        done
        grep -q 'BEGIN CERTIFICATE' "$(sed -n 's/.*certificate-authority: //p' "$kubeconfig")" || exit 1
        mkdir -p "$WINDLASS_ROOT/var/lib/kubelet/pki" "$WINDLASS_ROOT/etc/kubernetes/pki"
        cp "$(sed -n 's/.*certificate-authority: //p' "$kubeconfig")" "$WINDLASS_ROOT/etc/kubernetes/pki/ca.crt"
        echo joined >"$WINDLASS_ROOT/etc/kubernetes/kubelet.conf"
        echo certificate >"$WINDLASS_ROOT/var/lib/kubelet/pki/kubelet-client-current.pem"
        ;;
    'kubeadm reset '*)
        rm -rf "$WINDLASS_ROOT/etc/kubernetes/pki" "$WINDLASS_ROOT/etc/kubernetes/kubelet.conf" \
            "$WINDLASS_ROOT/var/lib/kubelet"
        ;;
    'kubectl get node') case "$*" in *providerID*) cat "$world/provider" 2>/dev/null || true ;; *) [ -e "$world/kubelet" ] || exit 1 ;; esac ;;
    'kubectl delete node') rm -f "$world/provider" ;;
    'kubectl -n kube-system')
        pod=$5
        for part in etcd kube-apiserver kube-controller-manager kube-scheduler; do
            case $pod in "$part"-ip-*)
                printf '%s true' "$(sed -n 's/.*windlass.dev\/files":"\([0-9a-f]*\)".*/\1/p' "$manifests/$part.yaml")" ;;
            esac
        done
        ;;
    'kubectl '*)
        mkdir -p "$world/cluster"
        : >"$world/cluster/kubectl-$1"
        ;;
    'systemctl enable '*)
        mkdir -p "$world/enabled"
        for unit in "$@"; do
            case $unit in enable | --*) ;; *) : >"$world/enabled/$unit" ;; esac
        done
        ;;
    'systemctl restart kubelet') echo restarted >>"$world/restarts" ;;
    'curl '*)
        case "$*" in
            *"$WINDLASS_IMDS"*) "$REAL_CURL" "$@" ;;
            */readyz*) running kube-apiserver || finish 22 ;;
            */health*)
                for sick in "$world"/sick/*; do
                    case "$*" in *"${sick##*/}"*) finish 22 ;; esac
                done
                echo '{"health":"true"}'
                ;;
        esac
        ;;
    'crictl '*) if running etcd; then echo 0123; fi ;;
    'date '*) "$REAL_DATE" -d @1800000000 "$@" ;;
    'ctr '* | 'etcdutl '*) exit 1 ;;
    'sleep '* | 'sync '* | 'modprobe '* | 'sysctl '* | 'systemctl '*) ;;
    *)
        echo "no stub for $name $*" >&2
        exit 99
        ;;
esac
finish
