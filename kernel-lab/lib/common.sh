# shellcheck shell=bash
# Messages, temporary files, locks and progress.

say()   { printf 'lab: %s\n' "$*" >&2; }
# A failure of the lab itself, as opposed to one of the command it runs.
die()   { say "$*"; exit "${LAB_FAILURE:-1}"; }
# Wrong usage.
usage() { say "$*"; say "see: lab help"; exit 2; }

cache_dir() {
  printf '%s' "${VFIO4J_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vfio4j/lab}"
}

# Process groups that run and files that are temporary: ended and removed however the script ends.
declare -a CHILDREN=() SCRATCH=()
cleanup() {
  local child
  trap - EXIT
  for child in "${CHILDREN[@]}"; do
    if kill -TERM -- "-$child" 2>/dev/null || kill -TERM "$child" 2>/dev/null; then wait "$child" 2>/dev/null || true; fi
  done
  if ((${#SCRATCH[@]})); then rm -rf "${SCRATCH[@]}"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# with_lock NAME FUNCTION ARG...: one process at a time in FUNCTION; the others wait and say so. What FUNCTION starts inherits
# the lock: if this shell is killed and a build goes on for a moment, nobody else starts one beside it.
with_lock() {
  local name=$1 file
  shift
  mkdir -p "$(cache_dir)"
  file=$(cache_dir)/$name.lock
  exec {LOCK}>"$file"
  if ! flock --nonblock "$LOCK"; then
    say "another lab is busy with '$name', waiting for it"
    flock "$LOCK"
  fi
  "$@"
  exec {LOCK}>&-
}

# with_progress PHASE LOG COUNT -- COMMAND ARG...: runs COMMAND with its output in LOG. From the third second on it reports
# the phase, the seconds and what the function COUNT prints: in place on a terminal, else a line every 10 s.
with_progress() {
  local phase=$1 log=$2 count=$3 started=$SECONDS every=10 elapsed child status=0
  shift 4
  if [[ -t 2 ]]; then every=1; fi
  # A process group of its own, so that all of it can be ended; its leader is told if this shell is killed.
  setpriv --pdeathsig TERM setsid "$@" >"$log" 2>&1 &
  child=$!
  CHILDREN+=("$child")
  while kill -0 "$child" 2>/dev/null; do
    sleep 1
    elapsed=$((SECONDS - started))
    if ((elapsed > 2 && elapsed % every == 0)); then
      if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
      printf 'lab: %s: %d s%s' "$phase" "$elapsed" "$("$count")" >&2
      if [[ ! -t 2 ]]; then echo >&2; fi
    fi
  done
  wait "$child" || status=$?
  elapsed=$((SECONDS - started))
  if [[ -t 2 && $elapsed -gt 2 ]]; then echo >&2; fi
  if ((status)); then
    tail -n 25 "$log" >&2
    die "$phase failed (status $status) after $elapsed s; the full log: $log"
  fi
  if ((elapsed > 2)); then say "$phase: done in $elapsed s"; fi
}
no_count() { :; }
