# Shared by scripts/demo and scripts/test: what a bare Debian machine lacks, and one build.
# Sourced, never run. Does nothing the second time. Needs root or sudo only when something is missing.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS="$ROOT/target/tools"
export MYNA_TOOLS="$TOOLS"

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else
        say "error: '$*' needs root, and there is no sudo. Run it as root once, then run this script again."
        exit 2
    fi
}

apt_refreshed=no
refresh_apt() {
    [ "$apt_refreshed" = yes ] && return
    as_root apt-get update -qq
    apt_refreshed=yes
}

# need PACKAGE...: installs what is not installed, and says what.
need() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        say "error: missing: ${missing[*]}. This script installs them on Debian 12 and its relatives; here, please install them yourself."
        exit 2
    fi
    say "installing: ${missing[*]}"
    refresh_apt
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# unpack PACKAGE: the files of a Debian package below target/tools, not installed.
# Installed, pcscd would start as a service of this machine, and the virtual reader's driver would make
# that service listen on all addresses. Unpacked, they exist only inside the demo's own namespaces.
unpack() {
    local package=$1 into="$TOOLS/$1"
    [ -e "$into/.complete" ] && return
    say "unpacking (not installing): $package"
    refresh_apt
    rm -rf "$into" && mkdir -p "$into"
    ( cd "$into" && apt-get download -qq "$package" 2>/dev/null && dpkg-deb -x ./"$package"_*.deb . && rm -f ./*.deb ) || {
        say "error: could not fetch the Debian package $package. Is the package mirror reachable ('apt-get update')?"
        exit 2
    }
    touch "$into/.complete"
}

# setup_build: what building needs, and what checks the result. Enough for devices on serial lines.
setup_build() {
    need gcc g++ make pkg-config libpcsclite-dev libpcsclite1 openssl sqlite3
}

setup_base() {
    setup_build
    need libudev1 libsystemd0 iproute2 util-linux
    unpack pcscd
    unpack vsmartcard-vpcd
}

# readers_of_receipts: an ESC/POS interpreter, a reader of QR codes and optical recognition, none of them ours. The interpreter is
# npos from the npm registry, below target/tools; its install scripts are not run.
readers_of_receipts() {
    need zbar-tools tesseract-ocr tesseract-ocr-jpn tesseract-ocr-tha
    local into="$TOOLS/npos"
    command -v npm >/dev/null || need nodejs npm
    [ -e "$into/.complete" ] && return
    say "installing below target/tools: npos 0.1.19"
    mkdir -p "$into"
    ( cd "$into" && npm install --silent --ignore-scripts --omit=dev --no-audit --no-fund npos@0.1.19 >&2 ) || {
        say "error: could not fetch the npm package npos 0.1.19. Is the package registry reachable?"
        exit 2
    }
    touch "$into/.complete"
}

build() {
    if ! command -v cargo >/dev/null; then
        say "error: no Rust toolchain ('cargo'). Install one from https://rustup.rs, then run this script again."
        exit 2
    fi
    ( cd "$ROOT" && cargo build --locked --workspace --exclude myna-fuzz --bins "$@" ) >&2
}
