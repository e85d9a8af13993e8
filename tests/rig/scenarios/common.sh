# common.sh: what the scenarios share. Sourced by them, inside the guest, by busybox sh.
# shellcheck shell=dash

fail() {
    echo "FAIL $*"
    return 1
}

# figure NAME VALUE UNIT
figure() {
    echo "FIGURE $1=$2 $3"
}

# value KEY LINE: what follows KEY= in a line of key=value
value() {
    echo "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

# network: this namespace ── router ── far, where 10.9.0.2 serves; each way takes about 100 us
#
# The delay is put on by a router between the two, as on a real path. On the interfaces of the ends it would fall
# between the kernel's transmit stamp and the program's, and show as an asymmetry that no daemon can see. Of the
# 100 us, netem gives 88; the guest's own work at 500 MIPS is the rest (measured; self-check.sh holds us to it).
network() {
    while read -r command; do
        # Words on purpose: each line is a command.
        $command || fail "$command" || return 1
    done << 'COMMANDS'
ip netns add router
ip netns add far
ip link add near0 type veth peer name r0 netns router
ip -n router link add r1 type veth peer name far0 netns far
ip addr add 10.9.1.1/24 dev near0
ip -n router addr add 10.9.1.254/24 dev r0
ip -n router addr add 10.9.0.254/24 dev r1
ip -n far addr add 10.9.0.2/24 dev far0
ip link set near0 up
ip -n router link set r0 up
ip -n router link set r1 up
ip -n far link set far0 up
ip -n far link set lo up
ip route add 10.9.0.0/24 via 10.9.1.254
ip -n far route add default via 10.9.0.254
ip netns exec router sysctl -q -w net.ipv4.ip_forward=1
tc -n router qdisc add dev r0 root netem delay 88us
tc -n router qdisc add dev r1 root netem delay 88us
COMMANDS
}

# true_server ARGUMENT...: serves true time at 10.9.0.2, and measures the path to it
true_server() {
    ip netns exec far /bin/rigtool serve "$@" &
    sleep 1
    # Not measured: addresses are resolved on the way, and the server learns how long it takes to send.
    rigtool ask 10.9.0.2 --count 20 > /dev/null || return 1
    path=$(rigtool ask 10.9.0.2 --count 16) || return 1
    figure path_out "$(value out_us "$path")" us
    figure path_back "$(value back_us "$path")" us
}

# configure_rest THRESHOLD: what both configurations have behind their sources; steps at the start beyond THRESHOLD (s)
configure_rest() {
    cat >> /etc/ntpd.toml << TOML

[server]
driftfile = "/run/drift"

[server.makestep]
threshold = $1
limit = 3
TOML
    cat >> /etc/chrony.conf << CHRONY
driftfile /run/drift
makestep $1 3
user root
pidfile /run/chronyd.pid
bindcmdaddress /
cmdport 0
CHRONY
}

# The configuration says where to start: one server, the drift file, steps at the start only.
configure() {
    cat > /etc/ntpd.toml <<'TOML'
enabled = true

[[sources.servers]]
address = "10.9.0.2"
iburst = true
TOML
    cat > /etc/chrony.conf <<'CHRONY'
server 10.9.0.2 iburst
CHRONY
    configure_rest 1.0
}

# reference: whether the guest was made with chronyd in the daemon's place
reference() {
    [ -x /bin/chronyd ]
}

# start_daemon: the daemon under test, or the reference; sets $daemon
start_daemon() {
    if reference; then
        chronyd -d -f /etc/chrony.conf >> /run/daemon.log 2>&1 &
    else
        ntpd --config /etc/ntpd.toml >> /run/daemon.log 2>&1 &
    fi
    daemon=$!
}

# stop_daemon SIGNAL
stop_daemon() {
    kill -s "$1" "$daemon"
    wait "$daemon"
    # A killed chronyd leaves it, and would not start beside it.
    rm -f /run/chronyd.pid
}

# restart_daemon SIGNAL
restart_daemon() {
    stop_daemon "$1"
    start_daemon
}

# daemon_lives: whether the daemon is still running
daemon_lives() {
    kill -0 "$daemon" 2> /dev/null || fail "the daemon has ended"
}

# say_state: what the daemon and the kernel think of the clock, for those who read the log
say_state() {
    if [ -x /bin/ntpctl ]; then ntpctl tracking --json || true; fi
    rigtool status
    rigtool freq
}

# explain: the same with the daemon's last words, where something went wrong
explain() {
    daemon_lives
    say_state
    echo "the daemon's last words:"
    tail -n 40 /run/daemon.log
}

# kernel_frequency: ppm
kernel_frequency() {
    value freq_ppm "$(rigtool freq)"
}

# pulses ARGUMENT...: makes pulses until stop_pulses; sets $generator
pulses() {
    rigtool pps "$@" &
    generator=$!
}

stop_pulses() {
    kill "$generator"
    wait "$generator"
}

# learn_lag: by how much the stamps of pulses trail the seconds, which is the clock's error that is not the daemon's;
# sets $lag (us, negative)
learn_lag() {
    measured=$(rigtool pps --seconds 10) || fail "no pulses" || return 1
    lag=-$(value lag_us "$measured")
    figure generator_lag "$(value lag_us "$measured")" us
}

# receiver ARGUMENT...: plugs in a receiver that speaks NMEA; chronyd reads none and gets shared memory instead
receiver() {
    if reference; then rigtool shm 0 & else rigtool nmea /dev/ttyGPS0 "$@" & fi
    receiver=$!
}

# The configuration for both: pulses that the receiver numbers.
configure_gps_pps() {
    cat > /etc/ntpd.toml <<'TOML'
enabled = true

[sources.hardware.gps]
enabled = true
device = "/dev/ttyGPS0"

[sources.hardware.pps]
enabled = true
device = "/dev/pps0"
TOML
    cat > /etc/chrony.conf <<'CHRONY'
refclock SHM 0 refid NMEA delay 0.2 noselect
refclock PPS /dev/pps0 refid PPS lock NMEA
CHRONY
    configure_rest 0.1
}

# add_server ADDRESS: one more source
add_server() {
    cat >> /etc/ntpd.toml <<TOML

[[sources.servers]]
address = "$1"
iburst = true
TOML
    echo "server $1 iburst" >> /etc/chrony.conf
}

# phc_of DRIVER: the clock of the card that it drives
phc_of() {
    for clock in /sys/class/ptp/ptp*; do
        case $(readlink -f "$clock/device/driver") in */"$1") echo "/dev/${clock##*/}" ;; esac
    done
}

# configure_phc DEVICE: the clock of a card and nothing else
configure_phc() {
    cat > /etc/ntpd.toml <<TOML
enabled = true

[[sources.refclocks]]
driver = "phc"
device = "$1"
refid = "PHC0"
TOML
    cat > /etc/chrony.conf <<CHRONY
refclock PHC $1 refid PHC0 poll 0
CHRONY
    configure_rest 0.1
}

# beside_server: a clock that is no clock is not believed, and the server beside it keeps the time
beside_server() {
    sleep 60
    lag=0
    phase beside_bad 300 100 || return 1
    if reference; then return 0; fi
    ntpctl sources
    ntpctl refclocks --json
    [ "$(selected)" = 10.9.0.2 ] || fail "selected: $(selected)" || { explain; return 1; }
    daemon_lives || { explain; return 1; }
    say_state
}

# lock: waits until the clock follows the pulses to 5 us. chronyd's filter takes 16 s for its first sample, and chronyd
# is not held to the limit.
lock() {
    patience=30
    if reference; then patience=300; fi
    locked=$(rigtool until --constant-us "$lag" --below-us 5 --within $patience) || { explain; return 1; }
    figure locked_after "$(value seconds "$locked")" s
}

# phase NAME SECONDS LIMIT: watches the clock, prints the largest error and fails if it passed the limit (us). Of the
# reference, the figure is of interest and not the verdict.
phase() {
    if reference; then
        watched=$(rigtool judge --seconds "$2" --constant-us "$lag") || return 1
    else
        watched=$(rigtool judge --seconds "$2" --constant-us "$lag" --max-below "$3") || phase_failed=1
    fi
    figure "$1_max" "$(value max_us "$watched")" us
    [ -z "${phase_failed:-}" ] || { fail "$1"; explain; return 1; }
}

# bound_holds NAME: the daemon's bound of its error contains the clock's error of now
bound_holds() {
    error=$(value error_us "$(rigtool error)")
    figure "$1_error" "$error" us
    if reference; then return 0; fi
    bound=$(daemon_says tracking error_bound_s | awk '{ printf "%.3f", $1 * 1e6 }')
    figure "$1_bound" "$bound" us
    below "$error" "$bound" || fail "the clock is further off than the daemon says"
}

# below VALUE LIMIT: whether a number, sign aside, is below a limit
below() {
    awk -v value="$1" -v limit="$2" 'BEGIN { exit !((value < 0 ? -value : value) < limit) }'
}

# lines_of REPORT: what `ntpctl REPORT --json` says, a line KEY:VALUE each
lines_of() {
    ntpctl "$1" --json | tr -d ' "' | tr ',{}[]' '\n'
}

# daemon_says REPORT KEY: what it says of a key, where that stands first
daemon_says() {
    lines_of "$1" | sed -n "s/^$2://p" | head -n 1
}

# source_says NAME KEY: what the daemon says of one source
source_says() {
    lines_of sources | awk -F: -v name="$1" -v key="$2" '$1 == "name" { here = $2 == name } here && $1 == key { print $2 }'
}

# selected: the name of the source that the clock is set by
selected() {
    lines_of sources | awk -F: '$1 == "name" { name = $2 } $1 == "selected" && $2 == "true" { print name }'
}
