#!/bin/bash
# Debian packages at the versions that the manifest pins. Sourced.
packages() {
    local pinned
    : "${root?}"
    mapfile -t pinned <"$root/etc/windlass/packages"
    # Installed already, at these versions: no call to a repository at a later boot.
    local missing=() package
    for package in "${pinned[@]}"; do
        # shellcheck disable=SC2016
        [ "$(dpkg-query -W -f '${Package}=${Version}' "${package%%=*}" 2>/dev/null)" = "$package" ] ||
            missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update
    apt-get -q install -y --no-install-recommends --allow-downgrades --allow-change-held-packages "${missing[@]}"
    apt-mark hold "${pinned[@]%%=*}"
    if [ ! -s "$root/etc/containerd/config.toml" ] || grep -q '^disabled_plugins = \["cri"\]' "$root/etc/containerd/config.toml"; then
        containerd config default | sed 's/SystemdCgroup = false/SystemdCgroup = true/' |
            put "$root/etc/containerd/config.toml" 0644
        systemctl restart containerd
    fi
}
