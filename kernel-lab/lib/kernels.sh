# shellcheck shell=bash
# The kernels: Linux 6.12, built here from Debian's source package, and Debian's stock 6.1.
#
# In the cache:  source/VERSION/         the unpacked source
#                headers/VERSION/include the user-space headers
#                kernels/NAME/KEY/       vmlinuz, config, release, root/lib/modules/RELEASE
# Everything is made under a name ending in .part and renamed when complete.

DEFAULT_KERNEL=6.12
KERNELS=("$DEFAULT_KERNEL" debian-6.1)
# Compiler and assembler runs of one build, for the progress display only.
OBJECTS_ESTIMATE=1670

source_version() { dpkg-query -W -f '${Version}' "$SOURCE_PACKAGE"; }
source_dir()     { printf '%s/source/%s' "$(cache_dir)" "$(source_version)"; }
built_kernel_dir() { printf '%s/kernels/6.12/%s-%s' "$(cache_dir)" "$(source_version)" "$(config_hash)"; }
headers_dir()    { printf '%s/headers/%s' "$(cache_dir)" "$(source_version)"; }

config_hash() { sed 's/[[:space:]]*$//; /^#/d; /^$/d' "$LAB_DIR/kernel.config" | sha256sum | cut -c1-12; }

# --- source and headers ---

ensure_source() {
  need "${SOURCE_PACKAGES[@]}"
  if [[ ! -d $(source_dir) ]]; then with_lock source unpack_source; fi
}

unpack_source() {
  local target part
  target=$(source_dir)
  if [[ -d $target ]]; then return; fi
  part=$target.part
  rm -rf "$part"
  mkdir -p "$part"
  with_progress "unpacking $SOURCE_PACKAGE" "$part.log" no_count -- \
    tar -C "$part" --strip-components=1 -xf "/usr/src/$SOURCE_PACKAGE.tar.xz"
  rm "$part.log"
  mv "$part" "$target"
}

ensure_headers() {
  ensure_source
  if [[ ! -d $(headers_dir) ]]; then with_lock headers install_headers; fi
}

install_headers() {
  local target part
  target=$(headers_dir)
  if [[ -d $target ]]; then return; fi
  part=$target.part
  rm -rf "$part"
  mkdir -p "$part/build"
  with_progress "installing the user-space headers" "$part.log" no_count -- \
    make -C "$(source_dir)" O="$part/build" ARCH=x86 headers_install INSTALL_HDR_PATH="$part"
  rm -rf "$part/build" "$part.log"
  mv "$part" "$target"
}

# --- kernels ---

kernel_known() {
  local name
  for name in "${KERNELS[@]}"; do
    if [[ $name == "$1" ]]; then return; fi
  done
  return 1
}

# ensure_kernel NAME: KERNEL_DIR is then the folder of that kernel, complete.
ensure_kernel() {
  case $1 in
    6.12)       ensure_built_kernel ;;
    debian-6.1) ensure_debian_kernel debian-6.1 '^linux-image-6\.1\.[0-9-]+-amd64$' ;;
    *)          usage "unknown kernel '$1' (known: ${KERNELS[*]})" ;;
  esac
}

ensure_built_kernel() {
  need "${BUILD_PACKAGES[@]}"
  KERNEL_DIR=$(built_kernel_dir)
  if [[ ! -d $KERNEL_DIR ]]; then
    ensure_source
    with_lock kernel-6.12 build_kernel "$KERNEL_DIR"
  fi
}

# An interrupted build is continued: its objects stay in TARGET.build until the result is there.
build_kernel() {
  local target=$1 build=$1.build part=$1.part source
  source=$(source_dir)
  if [[ -d $target ]]; then return; fi
  rm -rf "$part"
  mkdir -p "$build" "$part"
  BUILD_LOG=$build.log
  MAKE=(make -C "$source" O="$build" ARCH=x86 KBUILD_BUILD_USER=vfio4j KBUILD_BUILD_HOST=lab)

  with_progress "configuring Linux 6.12" "$BUILD_LOG" no_count -- "${MAKE[@]}" tinyconfig
  "$source/scripts/kconfig/merge_config.sh" -m -O "$build" "$build/.config" "$LAB_DIR/kernel.config" >>"$BUILD_LOG" 2>&1
  with_progress "configuring Linux 6.12" "$BUILD_LOG" no_count -- "${MAKE[@]}" olddefconfig
  check_config "$build/.config"
  with_progress "building Linux 6.12" "$BUILD_LOG" count_objects -- "${MAKE[@]}" "-j$(nproc)" bzImage modules
  with_progress "installing its modules" "$BUILD_LOG" no_count -- "${MAKE[@]}" modules_install INSTALL_MOD_PATH="$part/root"

  rm -f "$part"/root/lib/modules/*/{build,source}
  cp "$build/arch/x86/boot/bzImage" "$part/vmlinuz"
  cp "$build/.config" "$part/config"
  cp "$build/include/config/kernel.release" "$part/release"
  mv "$part" "$target"
  rm -rf "$build" "$BUILD_LOG"
}

# Only objects: a build that continues an interrupted one starts its log anew.
count_objects() {
  printf ', %d of about %d objects' "$(find "${BUILD_LOG%.log}" -name '*.o' ! -name '.*' | wc -l)" "$OBJECTS_ESTIMATE"
}

# What kernel.config asks for and what kconfig made of it must be the same.
check_config() {
  local line ignored=()
  while read -r line; do
    if ! grep -qxF -- "$line" "$1" && ! { [[ $line == *=n ]] && ! grep -q "^${line%=n}=" "$1"; }; then ignored+=("$line"); fi
  done < <(grep '^CONFIG_' "$LAB_DIR/kernel.config")
  if ((${#ignored[@]})); then say "kconfig did not take: ${ignored[*]}"; fi
}

# ensure_debian_kernel NAME PATTERN: the newest image package that apt offers and whose name matches, unpacked, not installed.
# A copy in the cache is used as long as there is one, so that a run needs no network and does not change its kernel.
ensure_debian_kernel() {
  local name=$1 pattern=$2 found
  need "${RUN_PACKAGES[@]}"
  found=$(find_debian_kernel "$name")
  if [[ -z $found ]]; then
    with_lock "kernel-$name" fetch_debian_kernel "$name" "$pattern"
    found=$(find_debian_kernel "$name")
  fi
  KERNEL_DIR=$found
}

find_debian_kernel() {
  if [[ ! -d $(cache_dir)/kernels/$1 ]]; then return; fi
  find "$(cache_dir)/kernels/$1" -mindepth 1 -maxdepth 1 -type d ! -name '*.part' | sort -V | tail -n 1
}

fetch_debian_kernel() {
  local name=$1 pattern=$2 package version target part release
  if [[ -n $(find_debian_kernel "$name") ]]; then return; fi
  package=$(apt-cache search --names-only "$pattern" | cut -d ' ' -f 1 | sort -V | tail -n 1)
  if [[ -z $package ]]; then die "apt knows no package $pattern: run apt-get update"; fi
  version=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
  target=$(cache_dir)/kernels/$name/$version
  part=$target.part
  rm -rf "$part"
  mkdir -p "$part/download"
  # apt-get download writes to the current folder, and as root wants to do so as another user.
  with_progress "downloading $package $version" "$part.log" no_count -- \
    env -C "$part/download" apt-get -q -o APT::Sandbox::User=root download "$package"
  with_progress "unpacking $package" "$part.log" no_count -- dpkg -x "$part/download"/*.deb "$part/root"
  release=$(basename "$part"/root/lib/modules/*)
  with_progress "indexing its modules" "$part.log" no_count -- depmod -b "$part/root" "$release"
  cp "$part/root/boot/vmlinuz-$release" "$part/vmlinuz"
  cp "$part/root/boot/config-$release" "$part/config"
  printf '%s\n' "$release" >"$part/release"
  rm -rf "$part/download" "$part/root/boot" "$part/root/usr" "$part.log"
  mv "$part" "$target"
}
