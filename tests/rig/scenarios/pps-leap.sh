# pps-leap.sh: a second is inserted while the clock follows pulses. A server beside them announces it.
#
# 2035-06-30 ends with 23:59:60, ten minutes into the run. Seconds after, the clock must be right again by the pulses,
# and the kernel must know one second more between TAI and UTC.
#
# modules: drivers/net/veth net/sched/sch_netem drivers/parport/parport drivers/parport/parport_pc,io=0x378,irq=7 drivers/pps/clients/pps_parport,clear_wait=0
# devices: -chardev null,id=lp -device isa-parallel,chardev=lp
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_LEAP=2066860800 TRUTH_BASE=2066860200 TRUTH_PPM=-20

network || return 1
rigtool set --offset-s -0.3 || return 1
learn_lag || return 1
true_server --leap insert || return 1
receiver
pulses
configure_gps_pps
add_server 10.9.0.2
start_daemon
lock || return 1

# Until the last second of the day.
sleep $((TRUTH_LEAP - 10 - $(date +%s)))
rigtool status
before=$(value tai "$(rigtool status)")
say_state
sleep 10
after_leap=$(rigtool until --constant-us "$lag" --below-us 1000 --within 15) || { explain; return 1; }
# Counted from 23:59:60 on.
figure right_again_after "$(value seconds "$after_leap")" s
rigtool status
after=$(value tai "$(rigtool status)")
figure tai_before "$before" s
figure tai_after "$after" s
[ $((after - before)) = 1 ] || fail "TAI" || { explain; return 1; }
phase after_leap 300 5 || return 1
phase later 60 5 || return 1
daemon_lives || { explain; return 1; }
say_state
