# phc.sh: the clock of a network card is followed, and one that races is not.
#
# A program keeps the clock of an igb card on true time, as a PTP daemon would. The card of the e1000e kind that QEMU 10
# makes has a clock that runs two and a half times too fast.
#
# modules: drivers/net/veth net/sched/sch_netem drivers/dca/dca drivers/i2c/algos/i2c-algo-bit drivers/net/ethernet/intel/igb/igb drivers/net/ethernet/intel/e1000e/e1000e
# devices: -netdev hubport,hubid=0,id=n1 -device igb,netdev=n1,romfile= -netdev hubport,hubid=0,id=n2 -device e1000e,netdev=n2,romfile=
# qemu: 10
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

good=$(phc_of igb) racing=$(phc_of e1000e)
[ -n "$good" ] && [ -n "$racing" ] || fail "no such clocks" || return 1
network || return 1
rigtool set --offset-s -0.3 || return 1
rigtool phc "$good" --seconds 420 > /run/keeper.log &
keeper=$!
sleep 8

configure_phc "$good"
start_daemon
patience=30
if reference; then patience=300; fi
found=$(rigtool until --below-us 2 --within $patience) || { explain; return 1; }
figure locked_after "$(value seconds "$found")" s
run=$(rigtool judge --seconds 300 --max-below 2) || verdict=1
for name in rms p95 max mean; do figure "phc_$name" "$(value "${name}_us" "$run")" us; done
[ -z "${verdict:-}" ] || { explain; return 1; }
daemon_lives || { explain; return 1; }
say_state
stop_daemon TERM
wait "$keeper"
cat /run/keeper.log

# The racing one beside a server: the server keeps the time.
true_server || return 1
configure_phc "$racing"
add_server 10.9.0.2
start_daemon
beside_server || return 1
