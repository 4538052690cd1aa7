# shellcheck shell=bash
# Topology files: what the machine consists of and what the guest does before the command. README.md has the format.

topology_file() {
  if [[ $1 == */* || $1 == *.topology ]]; then
    printf '%s' "$1"
  else
    printf '%s/topologies/%s.topology' "$LAB_DIR" "$1"
  fi
}

topology_names() {
  local file
  for file in "$LAB_DIR"/topologies/*.topology; do basename "$file" .topology; done
}

# read_topology FILE RUN: fills TOPOLOGY_QEMU, TOPOLOGY_KERNEL and TOPOLOGY_MODULES, makes the drives in the folder RUN, and prints
# the lines that are for the guest.
read_topology() {
  local file=$1 run=$2 line number=0 directive rest
  TOPOLOGY_QEMU=() TOPOLOGY_KERNEL=() TOPOLOGY_MODULES=()
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    if [[ $line =~ ^[[:space:]]*(#|$) ]]; then continue; fi
    read -r directive rest <<<"${line%%[[:space:]]#*}"
    if [[ -z $rest ]]; then die "$file:$number: '$directive' needs an argument"; fi
    case $directive in
      device) TOPOLOGY_QEMU+=(-device "$rest") ;;
      drive)  add_drive "$run" "$rest" || die "$file:$number: expected: drive ID SIZE" ;;
      qemu)   read_words "$rest"; TOPOLOGY_QEMU+=("${WORDS[@]}") ;;
      kernel) read_words "$rest"; TOPOLOGY_KERNEL+=("${WORDS[@]}") ;;
      module) read_words "$rest"; TOPOLOGY_MODULES+=("${WORDS[@]}"); printf 'module %s\n' "${WORDS[@]}" ;;
      vfio)   read_words "$rest"; printf 'vfio %s\n' "${WORDS[@]}" ;;
      write | sysctl | mdev | sh) printf '%s %s\n' "$directive" "$rest" ;;
      *) die "$file:$number: unknown directive '$directive'" ;;
    esac
  done <"$file"
}

read_words() { read -ra WORDS <<<"$1"; }

# An empty disk of its own for every run.
add_drive() {
  local run=$1
  read_words "$2"
  if ((${#WORDS[@]} != 2)); then return 1; fi
  truncate -s "${WORDS[1]}" "$run/${WORDS[0]}.img" || return 1
  TOPOLOGY_QEMU+=(-drive "if=none,id=${WORDS[0]},format=raw,file=$run/${WORDS[0]}.img")
}
