# pps-holdover.sh: an hour without pulses after a quarter of an hour with them. The receiver keeps telling the seconds.
#
# The oscillator of the guest is perfect, so what is seen is how well the daemon knows its frequency. At every moment
# the clock must not be further off than the daemon says.
#
# modules: drivers/parport/parport drivers/parport/parport_pc,io=0x378,irq=7 drivers/pps/clients/pps_parport,clear_wait=0
# devices: -chardev null,id=lp -device isa-parallel,chardev=lp
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

rigtool set --offset-s -0.3 || return 1
learn_lag || return 1
receiver --sentences rmc
pulses
configure_gps_pps
start_daemon
lock || return 1
rigtool judge --seconds 900 --constant-us "$lag" || return 1
stop_pulses

phase minutes_5 300 5 || return 1
bound_holds minutes_5 || { explain; return 1; }
for minute in 15 25 35 45; do
    sleep 600
    bound_holds "minutes_$minute" || { explain; return 1; }
done
phase minutes_60 900 20 || return 1
bound_holds minutes_60 || { explain; return 1; }
daemon_lives || { explain; return 1; }
say_state
