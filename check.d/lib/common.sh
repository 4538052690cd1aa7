# shellcheck shell=bash
# For ./check and its parts: messages, the JDK, Maven, progress, counting.

say() { printf 'check: %s\n' "$*"; }

# What a whole ./check repeats at its end: of its log people often see the end only.
PROBLEMS=()

# problem TEXT: what went wrong apart from a test that failed.
problem() {
  PROBLEMS+=("$*")
  say "$*"
}

# --- tools ---

java_version() {
  "$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}

# The JDK of JAVA_HOME, else that of the PATH; 17 or newer.
choose_jdk() {
  local home version
  for home in "${JAVA_HOME:-}" "$(jdk_on_path)"; do
    if [[ -z $home ]]; then continue; fi
    if [[ ! -x $home/bin/javac ]]; then
      say "$home is no JDK: it has no bin/javac"
      continue
    fi
    version=$(java_version "$home")
    if ((${version:-0} >= 17)); then
      export JAVA_HOME=$home
      say "JDK $version in $home"
      if ! command -v mvn >/dev/null; then say "no mvn on the PATH: install Maven 3.8 or newer"; exit 1; fi
      return
    fi
    say "$home is Java ${version:-of an unknown version}, not 17 or newer"
  done
  say "no JDK 17 or newer: set JAVA_HOME, or put one on the PATH"
  exit 1
}

jdk_on_path() {
  local javac
  javac=$(command -v javac) || return 0
  dirname "$(dirname "$(readlink -f "$javac")")"
}

# need_packages COMMAND PACKAGE...: installs the packages if there is no such command.
need_packages() {
  local command=$1
  shift
  if command -v "$command" >/dev/null; then return; fi
  if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    say "no $command; as root: apt-get install $*"
    return 1
  fi
  logged "installing $*" "$LOGS/packages.log" install_packages "$@" || { say "see $LOGS/packages.log"; return 1; }
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update && apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@"
}

# --- the lab's headers ---

have_headers() {
  local cache
  cache=$(. kernel-lab/lib/common.sh && cache_dir)
  compgen -G "$cache/headers/*/include/linux/iommufd.h" >/dev/null
}

# kernel_headers: HEADERS is then the folder. The lab says itself what it does and for how long.
kernel_headers() {
  if [[ ! -x kernel-lab/lab ]]; then say "the lab is missing: no kernel-lab/lab"; return 1; fi
  need_packages gcc gcc libc6-dev || return 1
  HEADERS=$(kernel-lab/lab headers </dev/null)
}

# --- running ---

CHILD=''
end_child() {
  if [[ -n $CHILD ]] && kill -TERM "$CHILD" 2>/dev/null; then wait "$CHILD" || true; fi
}
trap end_child EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# logged WHAT LOG COMMAND ARG...: runs the command with its output in LOG and says what runs and for how long: in place on a
# terminal, else every 20 s.
logged() {
  local what=$1 log=$2 started=$SECONDS every=20 elapsed=0 said=0 status=0 end="done"
  shift 2
  if [[ -t 1 ]]; then every=1; fi
  "$@" </dev/null >"$log" 2>&1 &
  CHILD=$!
  while kill -0 "$CHILD" 2>/dev/null; do
    sleep 0.5
    elapsed=$((SECONDS - started))
    if ((elapsed == said || (elapsed != 2 && elapsed % every))); then continue; fi
    said=$elapsed
    if [[ -t 1 ]]; then
      printf '\r\033[Kcheck: %s: %d s%s' "$what" "$elapsed" "$(latest "$log")"
    else
      say "$what: $elapsed s$(latest "$log")"
    fi
  done
  wait "$CHILD" || status=$?
  CHILD=''
  if [[ -t 1 ]]; then printf '\r\033[K'; fi
  if ((status)); then end=failed; fi
  if ((SECONDS - started >= 2)); then say "$what: $end after $((SECONDS - started)) s"; fi
  return "$status"
}

# The module that Maven is at.
latest() {
  sed -n 's/^\[INFO\] Building \(vfio4j.*[^ ]\)  *\(\[.*\]\)$/, \1 \2/p' "$1" | tail -n 1 | tr -s ' '
}

# What Maven and javac complain of; warnings of javac are errors.
build_errors() {
  sed -n -e '/^\[ERROR\].*\[Help 1\]/q' -e '/^\[ERROR\] *$/d' -e '/Run .mvn spotless:apply/d' -e '/^\[WARNING\] .*\.java:/p' -e '/^\[ERROR\]/p' "$1" | sed 's/^\[[A-Z]*\]/ /'
}

# maven WHAT ARG...: all modules are tried, failing tests do not end the build. True if nothing but tests failed.
maven() {
  local what=$1 log=$LOGS/$1.log status=0
  shift
  logged "$what" "$log" mvn -B --fail-at-end -Dmaven.test.failure.ignore=true -Dstyle.color=never "$@" || status=$?
  if ((status)); then
    build_errors "$log" | head -n 20
    if grep -q 'format violations' "$log"; then say "$what: mvn spotless:apply formats the files"; fi
    problem "$what: Maven failed, the full log: $log"
  # With test failures ignored, so is a test JVM that died: its tests are in no report.
  elif grep -qE 'The forked VM terminated|ExecutionException|There was a timeout|SurefireBooterForkException' "$log"; then
    grep -E -m 5 'The forked VM terminated|ExecutionException|There was a timeout' "$log"
    problem "$what: a JVM that runs tests ended early, the full log: $log"
    status=1
  fi
  return "$status"
}

# in_guest CONSOLE ARG...: "lab java" with the arguments. Once more if a timer of the guest stood still: QEMU's fault, not the tests'.
in_guest() {
  local console=$1 status attempt lab
  shift
  for attempt in 1 2; do
    status=0
    kernel-lab/lab java --console "$console" "$@" &
    lab=$!
    # shellcheck disable=SC2064 # of this attempt
    trap "kill $lab 2>/dev/null || true" TERM
    wait "$lab" || status=$?
    if ((attempt == 2 || status != 125)) || ! grep -qs 'Kernel panic.*RCU Stall' "$console"; then return "$status"; fi
    echo "check: once more"
  done
}

# guest_problem WHAT STATUS LOG: of a guest in which not all tests ran, with what HangListener said of it, or the end of the log.
guest_problem() {
  local what=$1 status=$2 log=$3
  if grep -q '^HUNG: ' "$log"; then
    sed -n '/^HUNG: /,$p' "$log" | head -n 60 | sed 's/^/  /'
    problem "$what: $(grep -m 1 '^HUNG: ' "$log"); the full log: $log"
  else
    tail -n 25 "$log" | sed 's/^/  /'
    problem "$what ended with status $status; the full log: $log"
  fi
}

# fresh_reports FOLDER...: the XML reports of this run under the folders.
fresh_reports() {
  local folder
  for folder in "$@"; do
    if [[ -d $folder ]]; then find "$folder" -name 'TEST-*.xml' -newer "$LOGS/start"; fi
  done
}

# --- results ---

PASSED=0
FAILED=0

check_build() {
  local fast=$1 arguments=()
  BUILT=1
  # A class compiled by --only, without the static analysis, would be taken for up to date.
  rm -rf ./*/target
  if [[ -z $fast ]] || have_headers; then
    if kernel_headers; then
      arguments+=("-Dkernel.headers=$HEADERS")
    fi
  fi
  if ! maven build "${arguments[@]}" verify; then
    FAILED=$((FAILED + 1))
    problem "build: failed, counted as one failure"
  fi
}

# check_part NAME ARG...: runs the loaded part, or takes its reports from the build if they are there; counts them.
check_part() {
  local name=$1 ran=1 files=$LOGS/$1.reports counts=$LOGS/$1.counts passed failed
  shift
  if [[ -z ${BUILT:-} || $IN_BUILD != yes ]]; then
    run_part "$@" || ran=0
  fi
  reports >"$files"
  "$JAVA_HOME/bin/java" -Xshare:auto -XX:TieredStopAtLevel=1 check.d/lib/TestReports.java "$counts" "$files" | tee "$LOGS/$name.tests"
  read -r passed failed <"$counts"
  if ((failed == 0 && (passed == 0 || ran == 0))); then
    failed=1
    if ((ran)); then problem "$name: no test ran"; else problem "$name: did not run to its end"; fi
  fi
  PASSED=$((PASSED + passed))
  FAILED=$((FAILED + failed))
  printf '%s: %d passed, %d failed\n' "$name" "$passed" "$failed"
}

# what_failed: of all parts, in a line each.
what_failed() {
  local text
  echo "what failed:"
  for text in "${PROBLEMS[@]}"; do printf '  %s\n' "$text"; done
  grep -hs '^  FAILED ' "$LOGS"/*.tests || true
}
