#!/bin/bash
# The control plane of this member: who it is, kubeadm's phases, what it tells the cluster. Sourced.

# → instance, zone, machine_type, address, node, initial_cluster, others (addresses of the other members)
identify() {
    local mac interface found name entry line own_interface
    metadata_session
    instance=$(metadata instance-id)
    zone=$(metadata placement/availability-zone)
    machine_type=$(metadata instance-type)
    mac=$(metadata mac)
    interface=$(metadata "network/interfaces/macs/$mac/interface-id")
    found=$(aws ec2 describe-network-interfaces \
        --filters "Name=tag:windlass.dev/cluster,Values=$CLUSTER" 'Name=tag-key,Values=windlass.dev/address' \
        --query "NetworkInterfaces[].[TagSet[?Key=='windlass.dev/address']|[0].Value,NetworkInterfaceId,PrivateIpAddress,PrivateDnsName]" \
        --output text)
    initial_cluster='' others=()
    for entry in $INTERFACES; do
        name=${entry%%=*}
        line=$(printf '%s\n' "$found" | awk -F '\t' -v address="${entry#*=}" '$1 == address')
        [ "$(printf '%s\n' "$line" | grep -c .)" = 1 ] || die "${entry#*=}: expected one interface, found: ${line:-none}"
        initial_cluster+=,$name=https://$(cut -f3 <<<"$line"):2380
        if [ "$name" = "$NAME" ]; then
            own_interface=$(cut -f2 <<<"$line")
            address=$(cut -f3 <<<"$line")
            node=$(cut -f4 <<<"$line")
        else
            others+=("$(cut -f3 <<<"$line")")
        fi
    done
    initial_cluster=${initial_cluster#,}
    [ "$interface" = "$own_interface" ] ||
        die "this instance has $interface, and member $NAME is $own_interface: it is no member"
    case $node in '' | None) die "$interface has no private DNS name: switch on DNS host names of the VPC" ;; esac
}

# Static pods' manifests. A component whose files changed that it loads only at its start gets another annotation, and
# so the kubelet starts it again; with nothing changed nothing happens.
manifests() {
    local component
    render -e "s|@ADDRESS@|$address|g" -e "s|@NODE@|$node|g" -e "s|@INITIAL_CLUSTER@|$initial_cluster|g" \
        -e "s|@PROVIDER_ID@|aws:///$zone/$instance|g" \
        -e "s|@ZONE@|$zone|g" -e "s|@MACHINE_TYPE@|$machine_type|g"
    for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
        put "$run/kubeadm/patches/${component}0+strategic.json" \
            <<<"{\"metadata\":{\"annotations\":{\"windlass.dev/files\":\"$(digest "$component")\"}}}"
    done
    phase etcd local
    phase control-plane all
}

phase() { kubeadm init phase "$@" --config "$run/kubeadm/config.yaml"; }

# Asks this member's or another's server, with the member's own certificate.
ask() { # ask AUTHORITY CERTIFICATE KEY URL
    curl -sS --fail --max-time 10 --cacert "$pki/$1" --cert "$pki/$2" --key "$pki/$3" "$4"
}
is_ready() { ask ca.crt bootstrap.pem bootstrap.pem "https://$1:6443/readyz" >/dev/null; }
has_etcd() {
    ask etcd/ca.crt etcd/healthcheck-client.crt etcd/healthcheck-client.key "https://$1:2379/health" | grep -q '"true"'
}

others_are_healthy() {
    local other
    for other in ${others[@]+"${others[@]}"}; do
        has_etcd "$other" && is_ready "$other" || return 1
    done
}

with_admin() { "$@" --kubeconfig "$kubernetes/admin.conf"; }

# Does the pod that runs have the files that are installed?
runs_with() { # runs_with COMPONENT DIGEST
    [ "$(with_admin kubectl -n kube-system get pod "$1-$node" \
        -o "jsonpath={.metadata.annotations.windlass\.dev/files} {.status.containerStatuses[0].ready}")" = "$2 true" ]
}

# A node object of an instance that is gone keeps that one's id for ever: the kubelet must make a new one.
drop_old_node() {
    local known
    known=$(with_admin kubectl get node "$node" --ignore-not-found -o 'jsonpath={.spec.providerID}')
    if [ -n "$known" ] && [ "$known" != "aws:///$zone/$instance" ]; then
        say "node $node was $known before"
        with_admin kubectl delete node "$node" --wait=false
        systemctl restart kubelet
    fi
}

# What the cluster must know; the same from every member.
publish() {
    with_admin kubectl apply --server-side --force-conflicts -f "$root/etc/windlass/objects.json"
    with_admin phase upload-config all
    with_admin phase addon all
    drop_old_node
    retry 60 with_admin kubectl get node "$node" -o name || die "node $node did not register"
    with_admin kubectl label --overwrite node "$node" node-role.kubernetes.io/control-plane= \
        node.kubernetes.io/exclude-from-external-load-balancers=
    with_admin kubectl taint --overwrite node "$node" node-role.kubernetes.io/control-plane:NoSchedule
}

# A bootstrap token for nodes. It never is an argument of a program.
join_token() {
    with_admin kubeadm token create --ttl 24h --description "windlass: member $NAME" >"$run/token"
    tr -d '\n' <"$run/token" >"$run/join"
    rm "$run/token"
    # Without --key-id it would go back to the account's own key.
    aws ssm put-parameter --name "$JOIN" --type SecureString --overwrite --value "file://$run/join" \
        ${PARAMETER_KEY:+--key-id "$PARAMETER_KEY"} >/dev/null
    rm "$run/join"
}

# A kubelet that trusts other authorities than before must start again; it ends no container.
restart_kubelet() {
    local wanted
    wanted=$(digest kubelet)
    if [ "$(cat "$state/kubelet-trust" 2>/dev/null)" != "$wanted" ]; then
        systemctl restart kubelet
        put "$state/kubelet-trust" <<<"$wanted"
    fi
}
