# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are for the other files
# The Debian packages that the lab needs.

RUN_PACKAGES=(qemu-system-x86 busybox-static cpio kmod util-linux xz-utils mdevctl)
SOURCE_PACKAGES=("$SOURCE_PACKAGE" gcc libc6-dev make rsync xz-utils util-linux)
BUILD_PACKAGES=("${SOURCE_PACKAGES[@]}" flex bison bc libelf-dev libssl-dev cpio kmod)

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need PACKAGE...: installs what is missing, or says exactly what to install.
need() {
  local package missing=()
  for package in "$@"; do
    if ! installed "$package"; then missing+=("$package"); fi
  done
  if ((${#missing[@]} == 0)); then return; fi
  if ((EUID != 0)); then
    die "missing packages, to be installed by root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  with_lock packages install_packages "${missing[@]}"
}

install_packages() {
  local log
  log=$(cache_dir)/packages.log
  with_progress "updating the package lists" "$log" no_count -- apt-get -q update
  with_progress "installing $*" "$log" no_count -- \
    env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@"
}
