# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153 # variables of, and for, the other files
# One run: options, the machine, the command in it, its exit status.

TIMED_OUT=124
LAB_FAILED=125

# parse_options ARG...: fills the variables below; REST is what follows the options. OPTION_HOOK may take further options.
KERNEL=$DEFAULT_KERNEL TOPOLOGY=standard TIMEOUT=600 MEMORY=4G CPUS=2 ICOUNT='' REPORTS='' CONSOLE='' SHELL_MODE=''
declare -a ENVIRONMENT=() REST=()

parse_options() {
  while (($#)); do
    case $1 in
      --icount) ICOUNT=1; shift; continue ;;
      --) shift; break ;;
      --kernel | --topology | --timeout | --memory | --reports | --cpus | --console | --env | --java-home | --class-path | --jvm)
        if (($# < 2)); then usage "$1 needs a value"; fi ;;&
      --kernel)     KERNEL=$2 ;;
      --topology)   TOPOLOGY=$2 ;;
      --timeout)    TIMEOUT=$2 ;;
      --memory)     MEMORY=$2 ;;
      --cpus)       CPUS=$2 ;;
      --reports)    REPORTS=$2 ;;
      --console)    CONSOLE=$2 ;;
      --env)        ENVIRONMENT+=("$2") ;;
      --java-home | --class-path | --jvm)
        if [[ -z ${JAVA_OPTIONS_ALLOWED:-} ]]; then usage "$1 is an option of lab java"; fi ;;&
      --java-home)  JAVA_HOME=$2 ;;
      --class-path) CLASS_PATH=$2 ;;
      --jvm)        JVM_OPTIONS+=("$2") ;;
      # The first word that is no option of ours begins the command (for lab java also -jar and the like).
      --*) usage "unknown option $1" ;;
      *) break ;;
    esac
    shift 2
  done
  REST=("$@")
}

check_options() {
  local variable
  if ! kernel_known "$KERNEL"; then usage "unknown kernel '$KERNEL' (known: ${KERNELS[*]})"; fi
  if [[ ! $TIMEOUT =~ ^[0-9]+$ ]]; then usage "--timeout takes whole seconds, not '$TIMEOUT'"; fi
  if [[ ! $CPUS =~ ^[1-9][0-9]*$ ]]; then usage "--cpus takes a number, not '$CPUS'"; fi
  TOPOLOGY_FILE=$(topology_file "$TOPOLOGY")
  if [[ ! -r $TOPOLOGY_FILE ]]; then
    usage "no topology file $TOPOLOGY_FILE (known: $(topology_names | tr '\n' ' ')or the path of a file)"
  fi
  for variable in "${ENVIRONMENT[@]}"; do
    if [[ ! $variable =~ ^[A-Za-z_][A-Za-z0-9_]*= ]]; then usage "--env takes NAME=VALUE, not '$variable'"; fi
  done
  if [[ -n $REPORTS ]]; then
    mkdir -p "$REPORTS"
    REPORTS=$(cd "$REPORTS" && pwd -P)
  fi
}

# --- what the guest is told ---

write_command() {
  local name rows columns
  if [[ -n $SHELL_MODE ]]; then
    read -r rows columns < <(stty size)
    printf 'stty rows %d cols %d\n' "$rows" "$columns"
  fi
  printf 'cd %s || exit 126\n' "$(quote "$PWD")"
  printf 'exec env -i '
  for name in PATH HOME LANG LC_ALL TERM JAVA_HOME; do
    if [[ -n ${!name:-} ]]; then quote "$name=${!name}"; fi
  done
  quote "LAB_KERNEL=$KERNEL" "LAB_TOPOLOGY=$(basename "$TOPOLOGY_FILE" .topology)"
  if [[ -n $REPORTS ]]; then quote "LAB_REPORTS=$REPORTS"; fi
  quote "${ENVIRONMENT[@]}" "$@"
  echo
}

write_guest_files() {
  local tree=$1
  shift
  mkdir -p "$tree/lab"
  read_topology "$TOPOLOGY_FILE" "$RUN" >"$tree/lab/topology"
  { printf 'REPORTS=%s\n' "$(quote "$REPORTS")"; printf 'SHELL_MODE=%s\n' "$SHELL_MODE"; } >"$tree/lab/settings"
  write_command "$@" >"$tree/lab/command"
}

# --- the machine; the lab's own devices are at 00:10.0 and above, a topology has the rest ---

qemu_command() {
  local output=$1 arguments
  # Emulation on a busy host is too slow for the kernel's test of the timer interrupt, which panics.
  arguments='console=ttyS0 quiet panic=-1 oops=panic no_timer_check'
  # This QEMU has lost a processor's timer, most often on a busy host, and the guest slept for ever: it ends instead.
  arguments+=' sysctl.kernel.panic_on_rcu_stall=1 rcupdate.rcu_cpu_stall_timeout=60'
  # With a tick that goes on for ever a lost one is followed by the next.
  if [[ -z $ICOUNT ]]; then arguments+=' nohz=off highres=off'; fi
  # shellcheck disable=SC2054 # the commas are QEMU's
  QEMU=(qemu-system-x86_64 -nodefaults -no-user-config -display none -monitor none -no-reboot
    -machine q35,kernel-irqchip=split -cpu max -m "$MEMORY"
    -kernel "$KERNEL_DIR/vmlinuz" -initrd "$RUN/initrd"
    -append "$arguments ${TOPOLOGY_KERNEL[*]}"
    -chardev "file,id=console,path=$CONSOLE" -serial chardev:console)
  # All processors take turns in one thread of QEMU. With a thread for each, one may run what another is just
  # writing over (a JVM writes code all the time), and timers and interrupts have been lost; and it was no faster.
  QEMU+=(-accel 'tcg,thread=single')
  if [[ -n $ICOUNT ]]; then
    QEMU+=(-smp 1 -icount 'shift=0,sleep=off')
  else
    QEMU+=(-smp "$CPUS")
  fi
  # The topology first: an IOMMU must be there before the devices behind it.
  QEMU+=("${TOPOLOGY_QEMU[@]}"
    -fsdev 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap'
    -device 'virtio-9p-pci,fsdev=root,mount_tag=root,addr=10.0,multifunction=on'
    -device 'virtio-serial-pci,id=ports,addr=11'
    -chardev "file,id=status,path=$RUN/status"
    -device 'virtserialport,bus=ports.0,nr=2,chardev=status,name=org.vfio4j.lab.status'
    -chardev "$output")
  if [[ -n $SHELL_MODE ]]; then
    QEMU+=(-device 'virtconsole,bus=ports.0,nr=1,chardev=output')
  else
    QEMU+=(-device 'virtserialport,bus=ports.0,nr=1,chardev=output,name=org.vfio4j.lab.output'
      -chardev "file,id=errors,path=$RUN/errors"
      -device 'virtserialport,bus=ports.0,nr=3,chardev=errors,name=org.vfio4j.lab.errors')
  fi
  if [[ -n $REPORTS ]]; then
    # A function of the same device, hence in the same group: the numbers of the other groups stay what they are.
    QEMU+=(-fsdev "local,id=reports,path=${REPORTS//,/,,},security_model=none,multidevs=remap"
      -device 'virtio-9p-pci,fsdev=reports,mount_tag=reports,addr=10.1')
  fi
}

# run_guest COMMAND ARG...: ends the script with the command's exit status, 124 or 125.
run_guest() {
  local output=file
  LAB_FAILURE=$LAB_FAILED
  check_options
  need "${RUN_PACKAGES[@]}"
  ensure_kernel "$KERNEL"
  RUN=$(mktemp -d "${TMPDIR:-/tmp}/vfio4j-lab.XXXXXXXX")
  SCRATCH+=("$RUN")
  choose_console
  write_guest_files "$RUN/tree" "$@"
  make_initramfs "$KERNEL_DIR" "$RUN/tree" "$RUN/initrd"
  if [[ -n $SHELL_MODE ]]; then
    qemu_command 'stdio,id=output,signal=off'
    setpriv --pdeathsig KILL "${QEMU[@]}" || true
    finish 0
  else
    qemu_command "file,id=output,path=$RUN/output"
    run_qemu
  fi
}

choose_console() {
  local folder
  if [[ -n $CONSOLE ]]; then
    CONSOLE=$(realpath "$CONSOLE")
    return
  fi
  folder=$(cache_dir)/console
  mkdir -p "$folder"
  find "$folder" -name '*.log' -mtime +2 -delete
  CONSOLE=$folder/$(date +%Y%m%d-%H%M%S)-$$.log
}

# QEMU ends with the time limit, with this script, and even if this script is killed. So do the readers of its output.
run_qemu() {
  local keep_output keep_errors output_reader errors_reader machine first status=0
  mkfifo "$RUN/output" "$RUN/errors"
  # Held open, so that the readers do not wait for ever for a QEMU that never opened them.
  exec {keep_output}<>"$RUN/output" {keep_errors}<>"$RUN/errors"
  setpriv --pdeathsig TERM cat "$RUN/output" {keep_output}>&- {keep_errors}>&- &
  output_reader=$!
  setpriv --pdeathsig TERM cat "$RUN/errors" >&2 {keep_output}>&- {keep_errors}>&- &
  errors_reader=$!
  setpriv --pdeathsig TERM timeout --kill-after=5 "$TIMEOUT" setpriv --pdeathsig KILL "${QEMU[@]}" \
    </dev/null >"$RUN/qemu.log" 2>&1 {keep_output}>&- {keep_errors}>&- &
  machine=$!
  CHILDREN+=("$machine" "$output_reader" "$errors_reader")
  wait -n -p first "$machine" "$output_reader" "$errors_reader" || status=$?
  if [[ $first != "$machine" ]]; then die "nobody reads our output any more"; fi
  exec {keep_output}>&- {keep_errors}>&-
  wait "$output_reader" "$errors_reader" || true
  CHILDREN=()
  finish "$status"
}

# finish STATUS: what the guest reported decides; without a report, QEMU's STATUS and the console tell what went wrong.
finish() {
  local event='' detail=''
  if [[ -s $RUN/status ]]; then read -r event detail < <(tail -n 1 "$RUN/status"); fi
  case $event in
    exit)   exit "$detail" ;;
    failed) give_up "$LAB_FAILED" "preparing the guest failed: $detail" ;;
  esac
  if (($1 == TIMED_OUT || $1 == 137)); then
    if [[ $event == ready ]]; then
      give_up "$TIMED_OUT" "the command did not finish within $TIMEOUT s (--timeout)"
    fi
    give_up "$TIMED_OUT" "the guest did not come up within $TIMEOUT s (--timeout)"
  elif grep -qs 'Kernel panic.*RCU Stall' "$CONSOLE"; then
    give_up "$LAB_FAILED" "a timer of the guest stood still, as happens to QEMU on a busy host: run it again"
  elif grep -qs 'Kernel panic' "$CONSOLE"; then
    give_up "$LAB_FAILED" "the guest's kernel panicked"
  elif (($1)); then
    cat "$RUN/qemu.log" >&2
    give_up "$LAB_FAILED" "QEMU ended with status $1"
  else
    give_up "$LAB_FAILED" "the guest ended without an exit status"
  fi
}

give_up() {
  if [[ -s $CONSOLE ]]; then
    say "the end of the console log:"
    tail -n 40 "$CONSOLE" | tr -d '\r' | sed 's/^/  | /' >&2
    say "all of it: $CONSOLE"
  fi
  say "$2"
  exit "$1"
}

# --- lab java ---

declare -a JVM_OPTIONS=()

# The JDK's launcher finds libjli.so by itself outside a chroot only.
java_command() {
  local home=${JAVA_HOME:-}
  if [[ -z $home ]]; then
    if ! command -v java >/dev/null; then die "no java on the PATH: set JAVA_HOME or use --java-home"; fi
    home=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  fi
  if [[ ! -x $home/bin/java ]]; then die "no JDK in $home"; fi
  JAVA_HOME=$home
  ENVIRONMENT=("LD_LIBRARY_PATH=$home/lib" "${ENVIRONMENT[@]}")
  JAVA=("$home/bin/java" "${JVM_OPTIONS[@]}")
  if [[ -n ${CLASS_PATH:-} ]]; then JAVA+=(-cp "$CLASS_PATH"); fi
  JAVA+=("$@")
}
