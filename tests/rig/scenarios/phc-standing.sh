# phc-standing.sh: the clock of a network card stands still, and is not followed. A server keeps the time.
#
# Such is the e1000e that QEMU 7.2 makes: it takes every order and shows the same time for ever.
#
# modules: drivers/net/veth net/sched/sch_netem drivers/net/ethernet/intel/e1000e/e1000e
# devices: -netdev hubport,hubid=0,id=n1 -device e1000e,netdev=n1,romfile=
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

standing=$(phc_of e1000e)
[ -n "$standing" ] || fail "no such clock" || return 1
network || return 1
rigtool set --offset-s -0.3 || return 1
true_server || return 1
configure_phc "$standing"
add_server 10.9.0.2
start_daemon
beside_server || return 1
