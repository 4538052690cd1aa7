# shellcheck shell=bash
# The guest's initramfs: busybox, guest/init, the modules, and what is special to this run.
#
#   /init /bin/busybox
#   /lab/boot             modules to load before anything else, in order
#   /lab/module/NAME      modules to load for "module NAME", in order; no such file: this kernel does not have it
#   /lab/topology         the guest's part of the topology file
#   /lab/settings         shell variables: REPORTS, SHELL_MODE
#   /lab/command          shell script that becomes the command

# Without these there is no host file system, no output and no VFIO. Built into the lab's own kernel.
BOOT_MODULES=(virtio_pci virtio_console 9p 9pnet_virtio overlay vfio_pci vfio_iommu_type1)

# make_initramfs KERNEL_DIR TREE IMAGE
make_initramfs() {
  local kernel=$1 tree=$2 image=$3 name
  mkdir -p "$tree"/{bin,dev,proc,sys,host,lab/module,modules}
  cp /bin/busybox "$tree/bin/busybox"
  cp "$LAB_DIR/guest/init" "$tree/init"
  chmod 755 "$tree/init"
  for name in "${BOOT_MODULES[@]}"; do
    add_module "$kernel" "$tree" "$name" boot || die "kernel $kernel has no module $name"
  done
  for name in "${TOPOLOGY_MODULES[@]}"; do
    add_module "$kernel" "$tree" "$name" "module/$name" || true
  done
  (cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0) >"$image"
}

# Appends the module and what it depends on to a list, in load order. Nothing to load if it is built in.
add_module() {
  local kernel=$1 tree=$2 name=$3 list=$2/lab/$4 steps verb path file
  steps=$(modprobe -C /dev/null -d "$kernel/root" -S "$(<"$kernel/release")" --show-depends "$name" 2>/dev/null) || return 1
  touch "$list"
  while read -r verb path _; do
    if [[ $verb != insmod ]]; then continue; fi
    file=$(basename "${path%.xz}")
    if [[ ! -e $tree/modules/$file ]]; then
      case $path in
        *.xz) xz -dc "$path" >"$tree/modules/$file" ;;
        *)    cp "$path" "$tree/modules/$file" ;;
      esac
    fi
    printf '%s\n' "$file" >>"$list"
  done <<<"$steps"
}

# Quotes for any POSIX shell.
quote() {
  local word
  for word in "$@"; do printf "'%s' " "${word//\'/"'\\''"}"; done
}
