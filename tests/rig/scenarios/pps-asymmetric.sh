# pps-asymmetric.sh: pulses beside a server behind a lopsided path, 30 ms there and 10 ms back over a VLAN.
#
# Nobody can see from packets alone that such a server is 10 ms wrong. Pulses can tell: the clock must stay with them,
# and the server must be shown as what it is. A fair server numbers the pulses.
#
# modules: drivers/net/veth net/sched/sch_netem net/llc/llc net/802/stp net/802/garp net/802/mrp net/8021q/8021q drivers/parport/parport drivers/parport/parport_pc,io=0x378,irq=7 drivers/pps/clients/pps_parport,clear_wait=0
# devices: -chardev null,id=lp -device isa-parallel,chardev=lp
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

# lopsided_network: a second way out, over VLAN 5 and the router, to a server at 10.8.0.2
lopsided_network() {
    while read -r command; do
        # Words on purpose: each line is a command.
        $command || fail "$command" || return 1
    done << 'COMMANDS'
ip netns add lopsided
ip link add near1 type veth peer name r2 netns router
ip link add link near1 name near1.5 type vlan id 5
ip -n router link add link r2 name r2.5 type vlan id 5
ip -n router link add r3 type veth peer name far1 netns lopsided
ip addr add 10.8.1.1/24 dev near1.5
ip -n router addr add 10.8.1.254/24 dev r2.5
ip -n router addr add 10.8.0.254/24 dev r3
ip -n lopsided addr add 10.8.0.2/24 dev far1
ip link set near1 up
ip link set near1.5 up
ip -n router link set r2 up
ip -n router link set r2.5 up
ip -n router link set r3 up
ip -n lopsided link set far1 up
ip route add 10.8.0.0/24 via 10.8.1.254
ip -n lopsided route add default via 10.8.0.254
tc -n router qdisc add dev r3 root netem delay 30ms
tc -n router qdisc add dev r2 root netem delay 10ms
COMMANDS
    ip netns exec lopsided /bin/rigtool serve &
}

network || return 1
lopsided_network || return 1
rigtool set --offset-s -0.3 || return 1
learn_lag || return 1
true_server || return 1
# Addresses are resolved first.
rigtool ask 10.8.0.2 --count 1 > /dev/null || return 1
path=$(rigtool ask 10.8.0.2 --count 4) || return 1
figure lopsided_offset "$(value offset_us "$path")" us
pulses
cat > /etc/ntpd.toml <<'TOML'
enabled = true

[[sources.servers]]
address = "10.9.0.2"
iburst = true

[[sources.servers]]
address = "10.8.0.2"
iburst = true

[sources.hardware.pps]
enabled = true
device = "/dev/pps0"
TOML
cat > /etc/chrony.conf <<'CHRONY'
server 10.9.0.2 iburst
server 10.8.0.2 iburst
refclock PPS /dev/pps0 refid PPS
CHRONY
configure_rest 0.1
start_daemon
patience=60
if reference; then patience=600; fi
locked=$(rigtool until --constant-us "$lag" --below-us 5 --within $patience) || { explain; return 1; }
figure locked_after "$(value seconds "$locked")" s
phase beside 600 5 || return 1
if reference; then return 0; fi
ntpctl sources
# The lopsided server is not taken for the time, and its error is seen.
wrong_by=$(source_says 10.8.0.2 offset_s | awk '{ printf "%.3f", $1 * 1e3 }')
figure lopsided_seen_as "$wrong_by" ms
below "$wrong_by" 11 || fail "the lopsided server is off by $wrong_by ms" || return 1
if below "$wrong_by" 9; then fail "the lopsided server is off by $wrong_by ms" || return 1; fi
[ "$(selected)" != 10.8.0.2 ] || fail "the lopsided server is selected" || { explain; return 1; }
daemon_lives || { explain; return 1; }
say_state
