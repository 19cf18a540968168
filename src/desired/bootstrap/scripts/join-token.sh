#!/bin/bash
# Publishes a bootstrap token; every member does, and the last one counts.
# shellcheck source=common.sh
. "${0%/*}/common.sh"
# shellcheck source=control-plane.sh
. "${0%/*}/control-plane.sh"
lock
join_token
