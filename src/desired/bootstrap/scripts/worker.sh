#!/bin/bash
# Makes this instance a node. The unit starts it until it succeeds, and at every boot.
# shellcheck source=common.sh
. "${0%/*}/common.sh"

joined() { [ -e "$kubernetes/kubelet.conf" ] && [ -e "$root/var/lib/kubelet/pki/kubelet-client-current.pem" ]; }

# One try. The token is read anew each time: the last one may have ended.
join() {
    fetch
    aws ssm get-parameter --name "$JOIN" --with-decryption --query Parameter.Value --output text >"$run/token"
    render -e "s|@NODE@|$node|g" -e "s|@PROVIDER_ID@|aws:///$zone/$instance|g" \
        -e "s|@ZONE@|$zone|g" -e "s|@MACHINE_TYPE@|$machine_type|g"
    local ca
    ca=$(fetched "$(cut -d' ' -f1 "$root/etc/windlass/parameters")")
    put "$run/join.conf" <<YAML
apiVersion: v1
kind: Config
clusters:
- name: $CLUSTER
  cluster:
    server: https://$API_HOST:$API_PORT
    certificate-authority: $ca
users:
- name: windlass
  user:
    token: $(cat "$run/token")
contexts:
- name: windlass
  context:
    cluster: $CLUSTER
    user: windlass
current-context: windlass
YAML
    if ! kubeadm join --config "$run/kubeadm/config.yaml"; then
        say "joining failed"
        kubeadm reset -f
        return 1
    fi
    # Not before: kubeadm refuses to join where the file is there already, and writes it itself.
    put "$pki/ca.crt" <"$ca"
}

# A process of its own for each try, so that any step that fails ends it.
if [ "${1:-}" = try ]; then
    instance=$2 zone=$3 node=$4 machine_type=$5
    join
    exit
fi

lock
hooks before
prepare
metadata_session
instance=$(metadata instance-id)
zone=$(metadata placement/availability-zone)
machine_type=$(metadata instance-type)
# With DHCP options of several domains there are several names.
node=$(metadata local-hostname | cut -d' ' -f1)
if ! joined; then
    retry 60 "$0" try "$instance" "$zone" "$node" "$machine_type" || die "could not join"
    rm -f "$run/token" "$run/join.conf"
fi
# kubeadm's has the authorities in it; this one follows the file.
kubeconfig "$kubernetes/kubelet.conf" "https://$API_HOST:$API_PORT" /etc/kubernetes/pki/ca.crt \
    /var/lib/kubelet/pki/kubelet-client-current.pem
systemctl enable kubelet
systemctl restart kubelet
systemctl enable --now windlass-refresh.timer
hooks after
say "node $node of $CLUSTER is up"
