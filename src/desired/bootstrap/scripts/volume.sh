#!/bin/bash
# etcd's volume: attached, with a file system, of this member, mounted. Sourced. It never forces a volume off another
# instance, and never formats one that has held data.

# → disk, attachment (where it is), initialized (true when it has held data)
find_volume() {
    local found standing
    found=$(aws ec2 describe-volumes \
        --filters "Name=tag:windlass.dev/cluster,Values=$CLUSTER" "Name=tag:windlass.dev/address,Values=$VOLUME" \
        --query "Volumes[].[VolumeId,State,Attachments[0].InstanceId,Attachments[0].State,Tags[?Key=='etcd-initialized']|[0].Value]" \
        --output text)
    [ "$(printf '%s\n' "$found" | grep -c .)" = 1 ] || die "$VOLUME of $CLUSTER: expected one volume, found: ${found:-none}"
    read -r disk standing attachment attached initialized <<<"$found"
    say "$disk is $standing, attachment $attachment $attached, initialized $initialized"
    [ "$standing" = available ] && attachment=free
    return 0
}

# Succeeds when it is here; else takes it if it is free.
take_volume() {
    find_volume
    case $attachment in
        "$instance") [ "$attached" = attached ] ;;
        free)
            # Another one may be quicker: the next look shows.
            aws ec2 attach-volume --volume-id "$disk" --instance-id "$instance" --device /dev/sdf >/dev/null || true
            return 1
            ;;
        *)
            say "waiting until $attachment lets go of $disk"
            return 1
            ;;
    esac
}

has_device() { [ -b "$device" ] || [ -n "$root" ] && [ -e "$device" ]; }

# Does only exit code 2 say that there is nothing; a disk that cannot be read is no empty disk.
file_system() {
    local code=0
    blkid -p -o value -s TYPE "$device" || code=$?
    [ "$code" = 0 ] || [ "$code" = 2 ] || die "cannot tell what is on $disk (blkid: $code)"
}

mount_volume() {
    local folder=$root/var/lib/etcd kind identity
    retry 360 take_volume || die "$disk did not become free"
    # Nitro instances name the disk by the volume's id without its dash.
    device=$root/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${disk/-/}
    retry 60 has_device || die "$disk is attached, and $device is not there"
    if ! mountpoint -q "$folder"; then
        kind=$(file_system)
        if [ -z "$kind" ]; then
            [ "$initialized" != true ] ||
                die "$disk has held data (tag etcd-initialized) and is empty now: not formatted; repair the member"
            say "formatting $disk"
            mkfs.ext4 -q -L etcd "$device"
        fi
        mkdir -p "$folder"
        mount -o noatime "$device" "$folder"
    fi
    identity=$CLUSTER/$NAME
    if [ -e "$folder/member.id" ]; then
        [ "$(cat "$folder/member.id")" = "$identity" ] ||
            die "$disk is of $(cat "$folder/member.id"), and this is $identity: nothing was changed on it"
    elif [ "$initialized" = true ] || [ -e "$folder/data/member" ]; then
        die "$disk has held data and does not say whose: repair the member"
    else
        printf '%s\n' "$identity" | put "$folder/member.id"
        sync -f "$folder/member.id"
    fi
    if [ "$initialized" = true ] && [ ! -d "$folder/data/member" ]; then
        # An empty folder would become an empty cluster, with all data gone.
        die "$disk has held data (tag etcd-initialized) and etcd's data is gone: repair the member, or restore a snapshot"
    fi
    mkdir -p "$folder/data"
}

mark_volume() {
    [ "$initialized" = true ] ||
        aws ec2 create-tags --resources "$disk" --tags Key=etcd-initialized,Value=true
}
