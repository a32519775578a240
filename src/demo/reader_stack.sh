# Runs inside namespaces of its own (mount, network, PID): see reader_stack.rs.
# $1 directory for pcscd's socket  $2 pcscd  $3 reader configuration  $4 log file  $5... the card emulator and its arguments, none
# where the reader's driver has the card in it
# Commands come on standard input, one word a line, each answered by "ok": pcscd-stop, pcscd-start.
# When standard input ends (our parent is gone, however it went), this shell ends, and as process 1 takes the rest along.
set -eu
sockets=$1 pcscd=$2 configuration=$3 log=$4
shift 4

ip link set lo up
# The machine's own readers are not ours to open: hide the drivers of USB readers from this pcscd.
for bundle in /usr/lib/pcsc/drivers/*.bundle; do
    if [ -d "$bundle" ]; then mount -t tmpfs -o size=64k tmpfs "$bundle"; fi
done
mkdir -p /run/pcscd 2>/dev/null || { mount -t tmpfs tmpfs /run && mkdir /run/pcscd; }
mount --bind "$sockets" /run/pcscd

start_pcscd() {
    rm -f /run/pcscd/pcscd.comm /run/pcscd/pcscd.pid
    "$pcscd" --foreground --config "$configuration" >>"$log" 2>&1 </dev/null &
    pcscd_pid=$!
}
stop_pcscd() {
    kill -9 "$pcscd_pid" 2>/dev/null || true
    wait "$pcscd_pid" 2>/dev/null || true
}

start_pcscd
if [ $# -gt 0 ]; then "$@" >>"$log" 2>&1 </dev/null & fi
echo ok
while read -r command; do
    case $command in
        pcscd-stop) stop_pcscd ;;
        pcscd-start) start_pcscd ;;
        *) echo "unknown command: $command"; continue ;;
    esac
    echo ok
done
