#!/bin/sh
# Kernel settings for nodes with many connections and many watched files.
set -eu
cat > /etc/sysctl.d/90-foo.conf <<'CONF'
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 524288
net.core.somaxconn = 32768
net.ipv4.tcp_keepalive_time = 300
CONF
sysctl --system
