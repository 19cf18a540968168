#!/bin/bash
# A bastion runs nothing of Kubernetes, only the manifest's own scripts.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
lock
hooks before
hooks after
