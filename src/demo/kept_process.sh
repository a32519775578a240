# Runs one program for kept_process.rs. $1 log file  $2... the program and its arguments; its output is ours.
# When standard input ends (our parent is gone, however it went), the program is killed.
set -eu
log=$1
shift
# A key that interrupts the parent is the parent's affair: what ends us is the end of standard input.
trap '' INT HUP TERM
"$@" </dev/null 2>>"$log" &
child=$!
# With the program's own end the output ends, too.
exec >&-
read -r _ || true
kill -9 "$child" 2>/dev/null || true
wait "$child" 2>/dev/null || true
