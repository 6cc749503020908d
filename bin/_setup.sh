# shellcheck shell=bash
# What the scripts of bin/ share; they source it after `set -euo pipefail`.
#
#   make_environment        .venv in the checkout, with samzip and its test tools; then on PATH
#   install_bench_tools     what bin/bench compares with and bin/profile looks through; never fatal
#   install_debian_tools    other people's readers of ZIP and PDF, strace, systemd-analyze, chromium,
#                           pgbouncer, bubblewrap, logrotate, shellcheck: root only, never fatal

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$@" >&2; } # a line for each argument
die() { # exit code, lines
    local code=$1
    shift
    say "$@"
    exit "$code"
}

unset PYTHONPATH PYTHONHOME PYTHONSTARTUP # they would change what runs in .venv

# A person's own settings must reach neither the demo nor a test.
forget_settings() {
    local name
    for name in $(compgen -v SAMZIP_) DATABASE_URL STATE_DIRECTORY; do unset "$name"; done
}

# Prints the first interpreter that is new enough. A name on PATH may be a shim that leads nowhere, so each is run.
find_python() {
    local name path
    # Not the one in .venv, which the demo advises to put on PATH: an environment is not made from itself.
    path=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$root/.venv/bin" | paste -sd :)
    for name in python3.11 python3.12 python3.13 python3; do
        if PATH=$path "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            PATH=$path "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

is_root_on_debian() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# apt that asks nothing and gives up soon when the network is away.
apt_install() {
    local apt=(apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=60)
    DEBIAN_FRONTEND=noninteractive timeout 600 "${apt[@]}" update >/dev/null 2>&1 || true # an older list may do
    DEBIAN_FRONTEND=noninteractive timeout 600 "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1
}

has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# What .venv was made from: when any of it changes, .venv is brought up to date.
fingerprint() {
    {
        printf '%s\n' "$root" "$1"
        "$1" -V
        cat "$root/setup.cfg" "$root/pyproject.toml"
    } | sha256sum | cut -d ' ' -f 1
}

pip_install() {
    local log=$venv/samzip-install.log try
    local pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[test]')
    for try in 1 2; do
        if (cd "$root" && "${pip[@]}") >"$log" 2>&1; then return; fi
        [ "$try" = 2 ] || {
            say "pip failed; once more in 5 seconds ..."
            sleep 5
        }
    done
    tail -n 15 "$log" >&2
    die 1 "" "The Python packages could not be installed; above are pip's last words, all of them are in $log" \
        "Most often the network is away or a proxy is not set. Run this again when it is there."
}

make_environment() {
    local python stamp wanted
    venv=$root/.venv
    stamp=$venv/samzip-installed
    python=$(find_python) || die 1 \
        "samzip needs Python 3.11 or newer: none of python3.11, python3.12, python3.13 and python3 is that." \
        "On Debian 12: apt-get install python3 python3-venv"
    wanted=$(fingerprint "$python")

    # Two scripts at once: the second waits for the first. The lock is on the folder itself and leaves no file behind.
    exec 9<"$root"
    if command -v flock >/dev/null; then flock 9; fi
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || ! "$venv/bin/python" -c 'import samzip' 2>/dev/null; then
        if ! has_venv "$python" && is_root_on_debian; then
            say "Installing Debian's python3-venv ..."
            apt_install python3-venv || true
        fi
        has_venv "$python" || die 1 "$python has no venv module. On Debian: apt-get install python3-venv"
        say "Preparing $venv (once; about a minute) ..."
        if [ "$(cat "$venv/samzip-checkout" 2>/dev/null)" != "$root $python" ]; then
            "$python" -m venv --clear "$venv" # new, or its scripts point to where the checkout was
        fi
        rm -f "$stamp"
        printf '%s\n' "$root $python" >"$venv/samzip-checkout"
        pip_install
        printf '%s\n' "$wanted" >"$stamp"
    fi
    exec 9<&-
    export VIRTUAL_ENV=$venv PATH="$venv/bin:$PATH"
}

# After make_environment.
install_bench_tools() {
    if ! command -v zip >/dev/null || ! command -v 7zz >/dev/null; then
        if is_root_on_debian; then
            say "Installing from Debian: zip 7zip ..."
            apt_install zip 7zip || true # the table tells what could not be compared
        else
            say "To compare with zip and 7z as well: apt-get install zip 7zip"
        fi
    fi
    if python -c 'import zipstream' 2>/dev/null && command -v py-spy >/dev/null; then return; fi
    say "Installing what measuring needs ..."
    (cd "$root" && python -m pip install --quiet --disable-pip-version-check --editable '.[bench]') >&2 ||
        say "It could not be installed; what needs it is left out."
}

# Command and the Debian package that has it.
debian_tools="unzip:unzip 7zz:7zip bsdtar:libarchive-tools strace:strace pdftotext:poppler-utils systemd-analyze:systemd"
debian_tools+=" chromium:chromium" # the page is looked at with it
debian_tools+=" pgbouncer:pgbouncer" # PostgreSQL behind a pooler
debian_tools+=" bwrap:bubblewrap logrotate:logrotate shellcheck:shellcheck" # the units' commands run in a sandbox; scripts are looked at

missing_tools() { # 1: for the command's name, 2: for the package's
    local pair
    for pair in $debian_tools; do
        command -v "${pair%%:*}" >/dev/null || printf '%s\n' "$pair" | cut -d : -f "$1"
    done
}

install_debian_tools() {
    local packages
    mapfile -t packages < <(missing_tools 2)
    [ "${#packages[@]}" = 0 ] && return
    if is_root_on_debian; then
        say "Installing from Debian: ${packages[*]} ..."
        apt_install "${packages[@]}" || true
        mapfile -t packages < <(missing_tools 2)
        [ "${#packages[@]}" = 0 ] && return
    fi
    say "Not here: $(missing_tools 1 | tr '\n' ' ')- tests that need them are skipped." \
        "To have them: apt-get install ${packages[*]}"
}
